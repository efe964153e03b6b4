// Laying one picture on the other where a check found that they match.

// Corners of the matching region, in the same order on both, as fractions of each picture's sides.
export const canAlign = (one, other) => Boolean(one?.length >= 3 && other?.length === one.length && affine(one, other));

// The CSS transform (origin: upper left corner) that lays the second picture, stretched over the box
// of the first, so that its corners come to lie on those of the first. ratio: width by height there.
export function laidOn(one, other, ratio) {
  const [[a, c, e], [b, d, f]] = affine(one, other);
  return `translate(${100 * e}%, ${100 * f}%) matrix(${a}, ${b / ratio}, ${c * ratio}, ${d}, 0, 0)`;
}

// Least squares: rows (p, q, r) with p u + q v + r near x, and the same for y; null where the corners
// lie on one line.
function affine(targets, sources) {
  const rows = sources.map(([u, v]) => [u, v, 1]);
  const squares = [0, 1, 2].map((i) => [0, 1, 2].map((j) => rows.reduce((sum, row) => sum + row[i] * row[j], 0)));
  const scale = determinant(squares);
  if (Math.abs(scale) < 1e-9) return null;
  return [0, 1].map((axis) => {
    const right = [0, 1, 2].map((i) => rows.reduce((sum, row, at) => sum + row[i] * targets[at][axis], 0));
    // Cramer's rule
    return [0, 1, 2].map((column) => determinant(squares.map((row, i) => row.map((value, j) => (j === column ? right[i] : value)))) / scale);
  });
}

const determinant = ([[a, b, c], [d, e, f], [g, h, i]]) => a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);

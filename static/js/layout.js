// Rows of one height that fill the width, each picture in its own shape.

// Beyond these a picture is a stripe; it is shown whole within the nearest shape that is not.
const NARROWEST = 0.5;
const WIDEST = 3;

export const ratioOf = ({ width, height }) => Math.min(WIDEST, Math.max(NARROWEST, width / height || 1));

// Height that rows should have on a grid so wide; size is what the person chose, 1 in the middle.
export const rowHeight = (width, size) => Math.min(320, 108 + 0.075 * width) * size;

// For each ratio the width, height and middle of its picture in pixels, and the number of its row. A
// row is closed where its height comes closest to the one wanted; the last row keeps that height.
export function justified(ratios, width, wanted, gap) {
  const sizes = [];
  let row = [];
  let rows = 0;
  let sum = 0;
  const heightOf = (count, ratio) => (width - gap * (count - 1)) / ratio;
  const close = (height) => {
    let left = 0;
    for (const ratio of row) {
      const across = Math.floor(100 * ratio * height) / 100;
      sizes.push({ width: across, height, middle: left + across / 2, row: rows });
      left += across + gap;
    }
    row = [];
    rows += 1;
    sum = 0;
  };
  for (const ratio of ratios) {
    if (row.length && heightOf(row.length + 1, sum + ratio) < wanted) {
      const without = heightOf(row.length, sum);
      const within = heightOf(row.length + 1, sum + ratio);
      if (without / wanted < wanted / within && without < 1.6 * wanted) close(without);
    }
    row.push(ratio);
    sum += ratio;
    if (heightOf(row.length, sum) <= wanted) close(heightOf(row.length, sum));
  }
  if (row.length) close(Math.min(wanted, heightOf(row.length, sum)));
  return sizes;
}

// A drawing as what the hand did: strokes on a sheet, painted anew at any size.
// A stroke is { tool: "pen" | "eraser" | "clear", width, points: [[x, y, pressure], …] }; lengths are
// fractions of the sheet's longer side.

const INK = "#1b1b1b";
const MARGIN = 0.14; // of the sheet: about what studios leave around a design

// What is still to be seen: nothing from before the sheet was last cleared.
const visible = (strokes) => strokes.slice(strokes.findLastIndex((stroke) => stroke.tool === "clear") + 1);

// Whether the sheet shows nothing: bare, cleared, or all of it rubbed out.
export function isBlank(context) {
  const { canvas } = context;
  return !new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer).some(Boolean);
}

export function paint(context, strokes, scale, shift = [0, 0]) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.setTransform(scale, 0, 0, scale, shift[0], shift[1]);
  for (const stroke of visible(strokes)) paintStroke(context, stroke);
}

export function paintStroke(context, { tool, width, points }, from = 0) {
  context.globalCompositeOperation = tool === "eraser" ? "destination-out" : "source-over";
  context.strokeStyle = context.fillStyle = INK;
  context.lineCap = context.lineJoin = "round";
  if (points.length === 1) {
    context.beginPath();
    context.arc(points[0][0], points[0][1], thickness(width, points[0]) / 2, 0, 7);
    context.fill();
  }
  // Through the middles of the segments, bent at the points: no corners where the hand made none.
  for (let at = Math.max(1, from); at < points.length; at += 1) {
    const [before, here] = [points[at - 1], points[at]];
    const start = at > 1 ? middle(points[at - 2], before) : before;
    const end = at === points.length - 1 ? here : middle(before, here);
    context.lineWidth = thickness(width, here);
    context.beginPath();
    context.moveTo(start[0], start[1]);
    context.quadraticCurveTo(before[0], before[1], end[0], end[1]);
    context.stroke();
  }
}

const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];

// A mouse presses with 0.5 and draws the width that was chosen.
const thickness = (width, [, , pressure]) => width * (0.3 + 1.4 * pressure);

// The sheet as a picture file. Where nothing was traced, the drawing is moved to the middle and
// sized as designs are: where on the sheet it was drawn means nothing.
export async function picture({ strokes, ratio, traced }, side) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(side * Math.min(1, ratio));
  canvas.height = Math.round(side / Math.max(1, ratio));
  const context = canvas.getContext("2d");
  const [scale, shift] = traced ? [side, [0, 0]] : centred(strokes, canvas, side);
  paint(context, strokes, scale, shift);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function centred(strokes, { width, height }, side) {
  const points = visible(strokes).flatMap((stroke) => (stroke.tool === "pen" ? stroke.points : []));
  const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const room = 1 - 2 * MARGIN;
  const fit = Math.min((room * width) / Math.max(right - left, 0.05), (room * height) / Math.max(bottom - top, 0.05));
  const scale = Math.min(fit, 2.5 * side); // a dot is no design that fills the sheet
  return [scale, [width / 2 - (scale * (left + right)) / 2, height / 2 - (scale * (top + bottom)) / 2]];
}

// The plane that the map is drawn in: points for all images, thumbnails where there is room.
//
// Points are written straight into the pixels of a canvas, which for tens of thousands takes a few
// milliseconds and needs no graphics card. Thumbnails lie on a second canvas above. Of a grid that
// is halved as one zooms in, each field shows the thumbnail of one image; which one does not
// depend on what is in view, so that nothing flickers while the map moves.

const MOST_SCALE = 4000; // times the whole map
const FIELD = 48; // CSS pixels of a field at least; at most twice as many
const KEPT = 800; // thumbnails in memory
const AT_ONCE = 6; // thumbnails that are loaded side by side
const SETTLED = 120; // milliseconds without a move, after which thumbnails are loaded

export class Plane {
  constructor(stage, points, over) {
    Object.assign(this, { stage, points, over });
    this.ids = [];
    this.x = new Float32Array(0);
    this.y = new Float32Array(0);
    this.colours = new Uint32Array(0);
    this.levels = new Map(); // representatives by level of the grid
    this.thumbnails = new Map(); // by id: an ImageBitmap, or null while it is loaded or is none
    this.queue = [];
    this.loading = 0;
    this.marks = { chosen: new Set(), lasso: null, place: null, alone: null };
    this.waiting = false;
    this.frames = 0;
    new ResizeObserver(() => this.resize()).observe(stage);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.resize());
  }

  // Show these: x and y between 0 and 1, a colour as 0xAABBGGRR each.
  set(ids, x, y, colours) {
    const same = ids === this.ids;
    Object.assign(this, { ids, x, y, colours });
    if (!same) {
      this.levels.clear();
      this.fit();
    }
    this.resize();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (!width || !height) return;
    const dense = Math.min(2, devicePixelRatio || 1);
    for (const canvas of [this.points, this.over]) {
      canvas.width = Math.round(width * dense);
      canvas.height = Math.round(height * dense);
    }
    if (this.width !== width || this.height !== height) {
      const middle = this.width ? this.world(this.width / 2, this.height / 2) : null;
      Object.assign(this, { width, height });
      if (middle) this.centre(middle.x, middle.y);
      else this.fit();
    }
    this.dense = dense;
    this.pixels = this.points.getContext("2d").createImageData(this.points.width, this.points.height);
    this.words = new Uint32Array(this.pixels.data.buffer);
    const style = getComputedStyle(this.stage);
    this.ground = packed(style.backgroundColor);
    this.ink = style.color;
    this.accent = style.getPropertyValue("--accent") || "#1f5f5b";
    this.draw();
  }

  // The whole map in view.
  fit() {
    if (!this.width) return;
    this.scale = 0.94 * Math.min(this.width, this.height);
    this.centre(0.5, 0.5);
  }

  centre(x, y) {
    this.left = this.width / 2 - x * this.scale;
    this.top = this.height / 2 - y * this.scale;
    this.draw();
  }

  world(x, y) {
    return { x: (x - this.left) / this.scale, y: (y - this.top) / this.scale };
  }

  move(x, y) {
    this.left += x;
    this.top += y;
    this.draw();
  }

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const least = 0.5 * Math.min(this.width, this.height);
    const scale = Math.min(MOST_SCALE * least, Math.max(least, this.scale * factor));
    const grown = scale / this.scale;
    this.left = x - (x - this.left) * grown;
    this.top = y - (y - this.top) * grown;
    this.scale = scale;
    this.draw();
  }

  // The image closest to a place on the stage, at most so many pixels away; -1 where there is none.
  at(x, y, most = 24) {
    let best = -1;
    let least = most * most;
    for (let i = 0; i < this.x.length; i += 1) {
      const dx = this.x[i] * this.scale + this.left - x;
      const dy = this.y[i] * this.scale + this.top - y;
      const away = dx * dx + dy * dy;
      if (away < least) [best, least] = [i, away];
    }
    return best;
  }

  inView() {
    return this.within(({ x, y }) => x >= 0 && y >= 0 && x < this.width && y < this.height);
  }

  // The images inside an outline, places on the stage.
  inside(outline) {
    return this.within(({ x, y }) => {
      let odd = false;
      for (let i = 0, j = outline.length - 1; i < outline.length; j = i, i += 1) {
        const [a, b] = [outline[i], outline[j]];
        if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) odd = !odd;
      }
      return odd;
    });
  }

  within(test) {
    const found = [];
    for (let i = 0; i < this.x.length; i += 1) {
      if (this.colours[i] && test({ x: this.x[i] * this.scale + this.left, y: this.y[i] * this.scale + this.top })) found.push(i);
    }
    return found;
  }

  draw() {
    if (this.waiting || !this.words) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.drawPoints();
      this.drawOver();
      this.frames += 1;
    });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), SETTLED);
  }

  drawPoints() {
    const { words, x, y, colours, dense } = this;
    const { width, height } = this.points;
    words.fill(this.ground);
    const scale = this.scale * dense;
    const closer = Math.log2(Math.max(1, this.scale / Math.min(this.width, this.height)));
    const side = Math.round(dense * Math.min(6, 2 + closer));
    const left = this.left * dense - side / 2;
    const top = this.top * dense - side / 2;
    for (let i = 0; i < x.length; i += 1) {
      const colour = colours[i];
      const px = (x[i] * scale + left) | 0;
      const py = (y[i] * scale + top) | 0;
      if (!colour || px < 0 || py < 0 || px + side > width || py + side > height) continue;
      for (let row = py * width + px, end = row + side * width; row < end; row += width) {
        for (let at = row; at < row + side; at += 1) words[at] = colour;
      }
    }
    this.points.getContext("2d").putImageData(this.pixels, 0, 0);
  }

  drawOver() {
    const over = this.over.getContext("2d");
    over.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    over.clearRect(0, 0, this.width, this.height);
    this.shown = this.representatives();
    for (const { i, x, y, most } of this.shown) {
      const bitmap = this.thumbnails.get(this.ids[i]);
      if (!bitmap) continue;
      const factor = most / Math.max(bitmap.width, bitmap.height);
      const [w, h] = [bitmap.width * factor, bitmap.height * factor];
      over.fillStyle = unpacked(this.colours[i]);
      over.fillRect(x - w / 2 - 1.5, y - h / 2 - 1.5, w + 3, h + 3);
      over.drawImage(bitmap, x - w / 2, y - h / 2, w, h);
    }
    over.lineWidth = 2;
    over.strokeStyle = this.accent;
    const ring = (i, radius) => {
      const [x, y] = [this.x[i] * this.scale + this.left, this.y[i] * this.scale + this.top];
      if (x < -radius || y < -radius || x > this.width + radius || y > this.height + radius) return;
      over.moveTo(x + radius, y);
      over.arc(x, y, radius, 0, 2 * Math.PI);
    };
    over.beginPath();
    for (const i of this.marks.chosen) ring(i, 5);
    over.stroke();
    if (this.marks.alone) {
      over.beginPath();
      over.setLineDash([3, 3]);
      for (const i of this.marks.alone) ring(i, 9);
      over.stroke();
      over.setLineDash([]);
    }
    if (this.marks.lasso?.length > 1) {
      over.beginPath();
      for (const { x, y } of this.marks.lasso) over.lineTo(x, y);
      over.closePath();
      over.globalAlpha = 0.15;
      over.fillStyle = this.accent;
      over.fill();
      over.globalAlpha = 1;
      over.stroke();
    }
    if (this.marks.place) {
      const x = this.marks.place.x * this.scale + this.left;
      const y = this.marks.place.y * this.scale + this.top;
      over.beginPath();
      over.arc(x, y, 14, 0, 2 * Math.PI);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        over.moveTo(x + 8 * dx, y + 8 * dy);
        over.lineTo(x + 22 * dx, y + 22 * dy);
      }
      over.lineWidth = 4;
      over.stroke();
    }
  }

  // One image of each field in view, and where on the stage it is shown.
  representatives() {
    const level = Math.max(0, Math.floor(Math.log2(this.scale / FIELD)));
    const fields = 2 ** level;
    const side = this.scale / fields;
    const most = 0.86 * side;
    const found = [];
    for (const i of this.level(level)) {
      if (!this.colours[i]) continue;
      const inside = (value) => {
        const field = Math.min(fields - 1, Math.floor(value * fields));
        return Math.min((field + 1) * side - most / 2, Math.max(field * side + most / 2, value * this.scale));
      };
      const x = inside(this.x[i]) + this.left;
      const y = inside(this.y[i]) + this.top;
      if (x > -side && y > -side && x < this.width + side && y < this.height + side) found.push({ i, x, y, most });
    }
    return found;
  }

  level(level) {
    let found = this.levels.get(level);
    if (!found) {
      const fields = 2 ** level;
      const taken = new Map();
      for (let i = 0; i < this.x.length; i += 1) {
        const field = (value) => Math.min(fields - 1, Math.floor(value * fields));
        const key = field(this.y[i]) * fields + field(this.x[i]);
        if (!taken.has(key)) taken.set(key, i);
      }
      found = Int32Array.from(taken.values());
      this.levels.set(level, found);
    }
    return found;
  }

  load() {
    const middle = (one) => Math.hypot(one.x - this.width / 2, one.y - this.height / 2);
    const missing = (this.shown ?? []).filter(({ i }) => !this.thumbnails.has(this.ids[i]));
    this.queue = missing.sort((a, b) => middle(a) - middle(b)).map(({ i }) => this.ids[i]);
    while (this.loading < AT_ONCE && this.queue.length) this.next();
  }

  async next() {
    const id = this.queue.shift();
    if (!id || this.thumbnails.has(id)) return;
    this.loading += 1;
    this.thumbnails.set(id, null);
    try {
      const image = new Image();
      image.src = `thumbnails/${id}?side=320`;
      await image.decode();
      const factor = (2 * FIELD * 0.86 * this.dense) / Math.max(image.width, image.height);
      const size = (value) => Math.max(1, Math.round(value * Math.min(1, factor)));
      this.thumbnails.set(id, await createImageBitmap(image, { resizeWidth: size(image.width), resizeHeight: size(image.height), resizeQuality: "medium" }));
      if (this.thumbnails.size > KEPT) this.thumbnails.delete(this.thumbnails.keys().next().value);
    } catch {
      // A file that has gone is shown as a point.
    } finally {
      this.loading -= 1;
    }
    this.draw();
    if (this.queue.length) this.next();
  }
}

export function packed(colour) {
  const canvas = packed.canvas ?? (packed.canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true }));
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

const unpacked = (word) => `rgb(${word & 255} ${(word >> 8) & 255} ${(word >> 16) & 255})`;

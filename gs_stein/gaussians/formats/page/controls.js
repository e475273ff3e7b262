// The camera, what moves it, and the frames. Angles in radians; the world is z up, x east, y north.

const UP_LIMIT = 0.999 * Math.PI / 2;
const REST = 200; // milliseconds without movement, after which the picture is drawn in full resolution
const element = (id) => document.getElementById(id);
const canvas = element("canvas"), bar = element("bar"), note = element("note");
const settings = JSON.parse(element("settings").textContent);

function decoded(id) {
  const text = atob(element(id).textContent.trim());
  element(id).remove(); // the memory is better used elsewhere
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function tell(text) {
  note.textContent = text;
  note.hidden = !text;
}

const add = (a, b, factor = 1) => a.map((value, i) => value + factor * b[i]);
const mix = (a, b, t) => a + (b - a) * t;
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** An upright camera: heading from north over east, pitch above the horizon, and a point ahead that it turns around. */
class Camera {
  constructor(view) { this.look(view); }

  look({ position, target, fov }) {
    const ahead = add(target, position, -1), flat = Math.hypot(ahead[0], ahead[1]);
    this.position = [...position];
    this.distance = Math.max(1e-3, Math.hypot(...ahead));
    this.pitch = clamp(Math.atan2(ahead[2], flat), -UP_LIMIT, UP_LIMIT);
    this.yaw = flat > 1e-6 * this.distance ? Math.atan2(ahead[0], ahead[1]) : 0;
    this.fov = fov;
    this.fixed = null; // a matrix from outside, used as it is until somebody moves
  }

  get axes() {
    const sy = Math.sin(this.yaw), cy = Math.cos(this.yaw), sp = Math.sin(this.pitch), cp = Math.cos(this.pitch);
    return { right: [cy, -sy, 0], down: [sy * sp, cy * sp, -cp], ahead: [sy * cp, cy * cp, sp] };
  }

  get target() { return add(this.position, this.axes.ahead, this.distance); }

  get matrix() {
    if (this.fixed) return this.fixed;
    const dot = (a) => -a.reduce((sum, value, i) => sum + value * this.position[i], 0);
    const { right, down, ahead } = this.axes;
    return [...right, dot(right), ...down, dot(down), ...ahead, dot(ahead), 0, 0, 0, 1];
  }

  /** Takes a matrix as it is; yaw and pitch follow it as closely as an upright camera can. */
  fix(matrix, fov) {
    const column = (i) => -(matrix[i] * matrix[3] + matrix[4 + i] * matrix[7] + matrix[8 + i] * matrix[11]);
    const position = [0, 1, 2].map(column);
    this.look({ position, target: add(position, matrix.slice(8, 11), this.distance), fov });
    this.fixed = matrix;
  }

  turn(yaw, pitch, around) {
    const target = this.target;
    this.fixed = null;
    this.yaw += yaw;
    this.pitch = clamp(this.pitch + pitch, -UP_LIMIT, UP_LIMIT);
    if (around) this.position = add(target, this.axes.ahead, -this.distance);
  }

  move(right, down, ahead) {
    const axes = this.axes;
    this.fixed = null;
    this.position = add(add(add(this.position, axes.right, right), axes.down, down), axes.ahead, ahead);
  }

  /** Nearer to the point ahead (factor below 1) or away from it. */
  zoom(factor) {
    const target = this.target;
    this.fixed = null;
    this.distance = clamp(this.distance * factor, 1e-3, 1e7);
    this.position = add(target, this.axes.ahead, -this.distance);
  }
}

const camera = new Camera(settings.views[0]);
let around = !settings.inside; // dragging turns the scene, or else the head
let motion = null; // a function of the time that moves the camera; false when it has arrived
let dirty = true, waiting = [], lastMove = 0, lastFrame = 0, quality = 1, sharp = false;
let sorted = "", sortCost = 0, sortedAt = -1e9;
const held = new Map(), keys = new Set();
const renderer = new Renderer(canvas, decoded("data"), settings);

function changed() {
  if (!dirty) { dirty = true; requestAnimationFrame(frame); }
}

function frame(now) {
  dirty = false;
  if (!renderer.gl || renderer.gl.isContextLost()) return;
  const since = Math.min(now - lastFrame, 250), steady = lastFrame && now - lastFrame < 500;
  lastFrame = now;
  if (motion && !motion(now)) { motion = null; show(); }
  walk(since / 1000);
  const view = inFile(camera.matrix);
  const key = `${view} ${camera.fov} ${innerWidth} ${innerHeight} ${devicePixelRatio}`;
  const moved = key !== frame.key;
  frame.key = key;
  if (moved) lastMove = now;
  const resting = !moved && (now - lastMove > REST || waiting.length > 0);
  // Few pixels while it moves, if the machine needs long for a picture.
  if (moved && steady) quality = clamp(quality * (since > 45 ? 0.9 : since < 25 ? 1.05 : 1), 0.3, 1);

  // Sorting may take a quarter of the time; the last view is always sorted.
  const direction = view.slice(8, 12).join();
  let redraw = moved || (resting && !sharp);
  if (direction !== sorted && (resting || now - sortedAt > 3 * sortCost)) {
    const start = performance.now();
    renderer.sort(view);
    sortCost = performance.now() - start;
    sortedAt = now;
    sorted = direction;
    redraw = true;
  }
  if (redraw) {
    const ratio = Math.min(devicePixelRatio, 2);
    const width = Math.max(1, Math.round(innerWidth * ratio)), height = Math.max(1, Math.round(innerHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    const scale = resting ? 1 : quality;
    renderer.draw(view, camera.fov, Math.ceil(width * scale), Math.ceil(height * scale));
    sharp = scale === 1 && direction === sorted;
  }
  if (sharp && !moved) waiting.splice(0).forEach((resolve) => resolve());
  if (motion || keys.size || moved || !sharp || waiting.length) changed();
}

/** World to camera for the file's own axes. */
function inFile(view) {
  const toWorld = settings.toWorld, matrix = [...view];
  for (let row = 0; row < 3; row++)
    for (let column = 0; column < 3; column++)
      matrix[4 * row + column] = [0, 1, 2].reduce((sum, i) => sum + view[4 * row + i] * toWorld[i][column], 0);
  return matrix;
}

// Hands. One finger or the left button turns, two fingers or another button shift, wheel and pinch go nearer.

function turnBy(x, y) {
  const step = around ? 5 / innerHeight : -camera.fov / innerHeight;
  camera.turn(x * step, -y * step, around);
}

function shiftBy(x, y) {
  const step = (2 * camera.distance * Math.tan(camera.fov / 2)) / innerHeight;
  camera.move(-x * step, -y * step, 0);
}

function approach(factor) {
  if (around) camera.zoom(factor);
  else camera.move(0, 0, -settings.size * 0.5 * Math.log(factor));
}

function spread() {
  const [a, b] = [...held.values()];
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, wide: Math.hypot(a.x - b.x, a.y - b.y) };
}

canvas.addEventListener("pointerdown", (event) => {
  stop();
  canvas.setPointerCapture(event.pointerId);
  canvas.classList.add("held");
  held.set(event.pointerId, { x: event.clientX, y: event.clientY });
});
canvas.addEventListener("pointermove", (event) => {
  const from = held.get(event.pointerId);
  if (!from) return;
  const before = held.size === 2 ? spread() : null;
  const [x, y] = [event.clientX - from.x, event.clientY - from.y];
  held.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (before) {
    const after = spread();
    shiftBy(after.x - before.x, after.y - before.y);
    if (after.wide > 0 && before.wide > 0) approach(before.wide / after.wide);
  } else if (held.size === 1) {
    if (event.buttons & 6 || event.shiftKey) shiftBy(x, y);
    else turnBy(x, y);
  }
  changed();
});
for (const name of ["pointerup", "pointercancel"])
  canvas.addEventListener(name, (event) => {
    held.delete(event.pointerId);
    if (!held.size) canvas.classList.remove("held");
  });
canvas.addEventListener("contextmenu", (event) => event.preventDefault());
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  stop();
  const lines = event.deltaY * [1, 16, 400][event.deltaMode];
  approach(Math.exp(clamp(lines, -300, 300) * 0.0015));
  changed();
}, { passive: false });

const WAYS = { w: [0, 0, 1], s: [0, 0, -1], a: [-1, 0, 0], d: [1, 0, 0], q: [0, 1, 0], e: [0, -1, 0] };
const ARROWS = { ArrowUp: "w", ArrowDown: "s", ArrowLeft: "a", ArrowRight: "d" };

function walk(seconds) {
  const pace = 0.35 * settings.size * seconds;
  for (const key of keys) camera.move(...WAYS[key].map((way) => way * pace));
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const key = ARROWS[event.key] || event.key.toLowerCase();
  if (WAYS[key] && event.target.tagName !== "BUTTON") {
    event.preventDefault();
    stop();
    keys.add(key);
    changed();
  } else if (key === "h") bar.classList.toggle("hidden");
  else if (key === "t") tour(!motion);
  else if (key === "l") { around = !around; show(); }
  else if (settings.views[key - 1]) go(settings.views[key - 1]);
});
addEventListener("keyup", (event) => keys.delete(ARROWS[event.key] || event.key.toLowerCase()));
addEventListener("blur", () => { keys.clear(); held.clear(); });
addEventListener("resize", changed);

// Ways that the camera takes by itself.

function stop() {
  motion = null;
  show();
}

function glide(from, to, t) {
  camera.fixed = null;
  camera.position = from.position.map((value, i) => mix(value, to.position[i], t));
  for (const name of ["yaw", "pitch", "fov", "distance"]) camera[name] = mix(from[name], to[name], t);
}

/** Flies to a named view. */
function go(view) {
  const from = { ...camera, position: [...camera.position] }, to = new Camera(view);
  to.yaw = from.yaw + Math.atan2(Math.sin(to.yaw - from.yaw), Math.cos(to.yaw - from.yaw));
  const length = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 700;
  let start = null;
  motion = (now) => {
    start ??= now;
    const t = length ? clamp((now - start) / length, 0, 1) : 1;
    if (t === 1) camera.look(view);
    else glide(from, to, t * t * (3 - 2 * t));
    return t < 1;
  };
  show();
  changed();
}

/** Starts or stops the tour: along the given path, else once around. */
function tour(on) {
  const path = settings.tour;
  let start = null, last = null;
  const along = (now) => {
    start ??= now;
    const place = (((now - start) / 1000 / settings.tourSeconds) % 1) * path.length;
    const i = Math.floor(place);
    const [from, to] = [path[i], path[(i + 1) % path.length]].map(([x, y, z, yaw, pitch, fov]) => (
      { position: [x, y, z], yaw, pitch, fov, distance: camera.distance }));
    to.yaw = from.yaw + Math.atan2(Math.sin(to.yaw - from.yaw), Math.cos(to.yaw - from.yaw));
    // A path that ends elsewhere than it began starts again instead of flying back.
    const closed = i + 1 < path.length || settings.tourCloses;
    glide(from, closed ? to : from, place - i);
    return true;
  };
  const turning = (now) => {
    const seconds = last === null ? 0 : Math.min(now - last, 250) / 1000;
    last = now;
    camera.turn((2 * Math.PI * seconds) / settings.tourSeconds, 0, around);
    return true;
  };
  motion = on ? (path ? along : turning) : null;
  show();
  changed();
}

// The bar.

const buttons = [];
function button(label, hint, act, pressed = () => false) {
  const made = document.createElement("button");
  Object.assign(made, { textContent: label, title: hint, onclick: () => { act(); made.blur(); show(); } });
  buttons.push([made, pressed]);
  bar.append(made);
}

function show() {
  for (const [made, pressed] of buttons) made.setAttribute("aria-pressed", String(Boolean(pressed())));
}

settings.views.forEach((view, i) => button(view.name, `View ${i + 1} (key ${i + 1})`, () => go(view)));
let touring = null;
button("Tour", "Fly through the scene (key T)", () => {
  const going = motion && motion === touring;
  tour(!going);
  touring = motion;
}, () => motion && motion === touring);
button("Look", "Dragging turns the head instead of the scene (key L)", () => { around = !around; }, () => !around);
// What is said while nothing else is.
const resting = renderer.gl ? "" :
  "This browser offers no WebGL 2, which drawing the scene needs: allow it hardware acceleration, or try another one.";
button("?", "Help", () => tell(note.textContent === settings.help ? resting : settings.help));
addEventListener("pointerdown", (event) => { if (event.target === canvas) tell(resting); });
show();

canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
canvas.addEventListener("webglcontextrestored", () => { renderer.prepare(); sorted = frame.key = ""; changed(); });
tell(resting);

/** For scripts: draw a given view, and wait for it. */
window.splats = {
  count: renderer.count,
  ready: false,
  /** World to camera (16 numbers row by row; x right, y down, z forward; z up world), vertical field of view. */
  setCamera(matrix, fov) {
    stop();
    camera.fix(matrix.flat(), fov);
    return this.drawn();
  },
  camera: () => ({ position: camera.position, target: camera.target, fov: camera.fov, matrix: camera.matrix }),
  go, tour,
  /** Resolves when the picture as it stands is drawn in full. */
  drawn: () => new Promise((resolve) => { waiting.push(resolve); changed(); }),
};
dirty = false;
splats.drawn().then(() => { splats.ready = true; });

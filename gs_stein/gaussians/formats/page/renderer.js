"use strict";
// Draws Gaussian splats with WebGL 2: sorted back to front, projected as in 3DGS and gsplat, blended in half floats.
//
// A splat has 32 bytes, which are two texels of four unsigned words:
//   0: x, y, z as float32, colour as 10 bits each of red, green, blue in fractions of `white`
//   1: quaternion x, y, z, w as four signed 16-bit fractions, logarithms of three scales as 16-bit fractions of
//      [-20, 12], opacity as a 16-bit fraction

const ROW = 1024; // splats in a row of the texture
const NEAR = 0.01; // metres

const PROJECT = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
uniform usampler2D splats;
uniform mat4 view; // world to camera: x right, y down, z forward
uniform vec2 size; // pixels
uniform float focal; // pixels
uniform float white;
uniform float dilation; // pixels², so that no splat is thinner than a pixel
uniform bool antialiased;
in uint splat;
out vec2 place; // in standard deviations along the axes of the ellipse
flat out vec4 colour;

mat3 rotation(vec4 q) {
  float x = q.x, y = q.y, z = q.z, w = q.w;
  return mat3(
    1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y),
    2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x),
    2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y));
}

void main() {
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0); // outside, unless it turns out to be seen
  ivec2 at = ivec2(2 * int(splat % ${ROW}u), int(splat / ${ROW}u));
  uvec4 first = texelFetch(splats, at, 0), second = texelFetch(splats, at + ivec2(1, 0), 0);
  vec3 centre = (view * vec4(uintBitsToFloat(first.xyz), 1.0)).xyz;
  float depth = centre.z;
  if (depth < ${NEAR}) return;

  vec4 quat = normalize(vec4(unpackSnorm2x16(second.x), unpackSnorm2x16(second.y)));
  vec2 last = unpackUnorm2x16(second.w);
  vec3 scales = exp(vec3(unpackUnorm2x16(second.z), last.x) * 32.0 - 20.0);
  mat3 axes = mat3(view) * rotation(quat);
  axes[0] *= scales.x; axes[1] *= scales.y; axes[2] *= scales.z;

  // Beyond the edge of the image the perspective's slope explodes: linearised at a margin instead.
  vec2 limit = 1.3 * 0.5 * size / focal;
  vec2 slope = clamp(centre.xy / depth, -limit, limit);
  vec3 across = vec3(1.0, 0.0, -slope.x) * axes * (focal / depth);
  vec3 down = vec3(0.0, 1.0, -slope.y) * axes * (focal / depth);
  float xx = dot(across, across), xy = dot(across, down), yy = dot(down, down);
  float sharp = xx * yy - xy * xy;
  xx += dilation; yy += dilation;
  float area = xx * yy - xy * xy;
  float opacity = last.y * (antialiased ? sqrt(max(sharp / area, 0.0)) : 1.0);
  if (!(opacity >= 1.0 / 255.0) || !(area > 0.0)) return;

  float half_ = 0.5 * (xx - yy), spread = sqrt(half_ * half_ + xy * xy);
  float longer = 0.5 * (xx + yy) + spread;
  vec2 axis = vec2(1.0, 0.0);
  if (spread > 1e-6 * longer) axis = normalize(half_ >= 0.0 ? vec2(half_ + spread, xy) : vec2(xy, spread - half_));
  float reach = sqrt(2.0 * log(255.0 * opacity));
  place = reach * vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0 - reach;
  vec2 moved = place.x * sqrt(longer) * axis + place.y * sqrt(area / longer) * vec2(-axis.y, axis.x);
  vec2 pixel = focal * centre.xy / depth + moved;
  gl_Position = vec4(2.0 * pixel * vec2(1.0, -1.0) / size, 0.0, 1.0);
  colour = vec4(vec3(first.w & 1023u, (first.w >> 10) & 1023u, (first.w >> 20) & 1023u) / 1023.0 * white, opacity);
}`;

const BLEND = `#version 300 es
precision highp float;
in vec2 place;
flat in vec4 colour;
out vec4 pixel;
void main() {
  float alpha = min(0.999, colour.a * exp(-0.5 * dot(place, place)));
  if (alpha < 1.0 / 255.0) discard;
  pixel = vec4(colour.rgb * alpha, alpha);
}`;

const COVER = `#version 300 es
void main() { gl_Position = vec4(4.0 * float(gl_VertexID & 1) - 1.0, 2.0 * float(gl_VertexID & 2) - 1.0, 0.0, 1.0); }`;

const SHOW = `#version 300 es
precision highp float;
uniform sampler2D drawn;
uniform vec2 canvas;
out vec4 pixel;
void main() { pixel = vec4(texture(drawn, gl_FragCoord.xy / canvas).rgb, 1.0); }`;

/** Sorts splats by depth, exactly: the bits of positive floats have the floats' order. Two passes of counting. */
class Sorter {
  constructor(positions, stride, count) {
    Object.assign(this, { positions, stride, count });
    this.order = new Uint32Array(count);
    this.keys = new Uint32Array(count);
    this.other = new Uint32Array(count);
    this.counts = new Uint32Array(1 << 14);
    this.float = new Float32Array(1);
    this.bits = new Uint32Array(this.float.buffer);
  }

  /** Puts those in front of the camera into `order`, farthest first, and returns how many they are. */
  sort(view) {
    const { positions, stride, count, order, keys, other, counts, float, bits } = this;
    const [a, b, c, d] = view.slice(8, 12);
    let seen = 0, least = 0xffffffff, most = 0;
    // From the last one: equals are drawn in the opposite order of what is nearer first.
    for (let i = count - 1; i >= 0; i--) {
      const at = i * stride;
      const depth = a * positions[at] + b * positions[at + 1] + c * positions[at + 2] + d;
      if (!(depth >= NEAR)) continue;
      float[0] = depth;
      const key = bits[0];
      keys[i] = key;
      if (key < least) least = key;
      if (key > most) most = key;
      other[seen++] = i;
    }
    const shift = Math.max(0, 32 - Math.clz32(most - least) - 28);
    const pass = (from, to, low) => {
      counts.fill(0);
      for (let i = 0; i < seen; i++) counts[((most - keys[from[i]]) >>> low) & 0x3fff]++;
      for (let i = 0, sum = 0; i < counts.length; i++) { const n = counts[i]; counts[i] = sum; sum += n; }
      for (let i = 0; i < seen; i++) to[counts[((most - keys[from[i]]) >>> low) & 0x3fff]++] = from[i];
    };
    pass(other, order, shift);
    pass(order, other, shift + 14);
    [this.order, this.other] = [other, order];
    return seen;
  }
}

class Renderer {
  /** `data`: bytes of the splats; `options`: white, background (0 to 1), dilation, antialiased. */
  constructor(canvas, data, options) {
    Object.assign(this, { canvas, options });
    this.count = data.byteLength / 32;
    const rows = Math.ceil(this.count / ROW);
    this.words = new Uint32Array(rows * ROW * 8);
    new Uint8Array(this.words.buffer).set(data);
    this.sorter = new Sorter(new Float32Array(this.words.buffer), 8, this.count);
    this.seen = 0;
    this.gl = canvas.getContext("webgl2", { antialias: false, alpha: false, depth: false, powerPreference: "high-performance" });
    if (this.gl) this.prepare();
  }

  /** Makes everything on the graphics card; again, if the card was lost. */
  prepare() {
    const { gl, options } = this;
    // Half floats keep what bytes would round away at each of many layers, and colours above white.
    this.precise = Boolean(gl.getExtension("EXT_color_buffer_float") || gl.getExtension("EXT_color_buffer_half_float"));
    this.project = program(gl, PROJECT, BLEND);
    this.show = program(gl, COVER, SHOW);
    this.splats = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.splats);
    const rows = this.words.length / ROW / 8;
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32UI, 2 * ROW, rows, 0, gl.RGBA_INTEGER, gl.UNSIGNED_INT, this.words);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
    this.arrays = gl.createVertexArray();
    gl.bindVertexArray(this.arrays);
    this.order = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.order);
    gl.bufferData(gl.ARRAY_BUFFER, 4 * this.count, gl.DYNAMIC_DRAW);
    const splat = gl.getAttribLocation(this.project, "splat");
    gl.enableVertexAttribArray(splat);
    gl.vertexAttribIPointer(splat, 1, gl.UNSIGNED_INT, 0, 0);
    gl.vertexAttribDivisor(splat, 1);
    this.empty = gl.createVertexArray();
    this.target = gl.createTexture();
    this.frame = gl.createFramebuffer();
    this.size = "";
    gl.useProgram(this.project);
    gl.uniform1f(gl.getUniformLocation(this.project, "white"), options.white);
    gl.uniform1f(gl.getUniformLocation(this.project, "dilation"), options.dilation);
    gl.uniform1i(gl.getUniformLocation(this.project, "antialiased"), options.antialiased ? 1 : 0);
  }

  /** Orders the splats for a view: 16 numbers, world to camera, row by row. */
  sort(view) {
    const { gl } = this;
    this.seen = this.sorter.sort(view);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.order);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, this.sorter.order, 0, this.seen);
  }

  /** Draws the view with a vertical field of view (radians) in so many pixels, and shows it on the whole canvas. */
  draw(view, fovy, width, height) {
    const { gl, canvas, options } = this;
    if (this.precise) this.resize(width, height);
    else { canvas.width = width; canvas.height = height; }
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.precise ? this.frame : null);
    gl.viewport(0, 0, width, height);
    const grey = options.background;
    gl.clearColor(grey, grey, grey, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.useProgram(this.project);
    gl.bindVertexArray(this.arrays);
    gl.bindTexture(gl.TEXTURE_2D, this.splats);
    gl.uniformMatrix4fv(gl.getUniformLocation(this.project, "view"), true, view);
    gl.uniform2f(gl.getUniformLocation(this.project, "size"), width, height);
    gl.uniform1f(gl.getUniformLocation(this.project, "focal"), (0.5 * height) / Math.tan(0.5 * fovy));
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.seen);
    gl.disable(gl.BLEND);
    if (!this.precise) return;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.useProgram(this.show);
    gl.bindVertexArray(this.empty);
    gl.bindTexture(gl.TEXTURE_2D, this.target);
    gl.uniform2f(gl.getUniformLocation(this.show, "canvas"), canvas.width, canvas.height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  resize(width, height) {
    const { gl } = this;
    if (this.size === `${width} ${height}`) return;
    this.size = `${width} ${height}`;
    gl.bindTexture(gl.TEXTURE_2D, this.target);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA16F, width, height, 0, gl.RGBA, gl.HALF_FLOAT, null);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.LINEAR);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.target, 0);
  }
}

function program(gl, vertex, fragment) {
  const linked = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(linked, shader);
  }
  gl.linkProgram(linked);
  if (!gl.getProgramParameter(linked, gl.LINK_STATUS) && !gl.isContextLost()) {
    const logs = gl.getAttachedShaders(linked).map((shader) => gl.getShaderInfoLog(shader));
    throw new Error([gl.getProgramInfoLog(linked), ...logs].join("\n"));
  }
  return linked;
}

/**
 * Seeded noise, and the few helpers for colours and directions that the
 * pictures are painted with.
 *
 * @module
 */

/** Linear-light red, green and blue, 1 being white. */
export type Rgb = readonly [number, number, number];

/** A direction or a place: right, up, ahead. */
export type Ray = readonly [number, number, number];

/** A number in 0..1 that depends on a lattice point and the seed alone. */
export function hash(x: number, y: number, seed: number): number {
  let h = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ seed;
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

/** Value noise in 0..1. */
export function noise(x: number, y: number, seed: number): number {
  const ix = Math.floor(x), iy = Math.floor(y);
  const u = fade(x - ix), v = fade(y - iy);
  const top = mix(hash(ix, iy, seed), hash(ix + 1, iy, seed), u);
  const bottom = mix(hash(ix, iy + 1, seed), hash(ix + 1, iy + 1, seed), u);
  return mix(top, bottom, v);
}

/** Fractal noise in 0..1; each octave is turned, which hides the lattice. */
export function fbm(x: number, y: number, octaves: number, seed: number): number {
  let sum = 0, weight = 0.5;
  for (let i = 0; i < octaves; i++, weight /= 2) {
    sum += weight * noise(x, y, seed + i);
    const turned = 1.2 * x + 1.6 * y;
    x = 1.6 * x - 1.2 * y;
    y = turned;
  }
  return sum / (1 - 2 * weight);
}

/** Fractal noise that spares its slopes the detail, as erosion does. */
export function erode(x: number, y: number, octaves: number, seed: number): number {
  let sum = 0, weight = 0.5, dx = 0, dy = 0;
  for (let i = 0; i < octaves; i++, weight /= 2) {
    const ix = Math.floor(x), iy = Math.floor(y), fx = x - ix, fy = y - iy;
    const a = hash(ix, iy, seed), b = hash(ix + 1, iy, seed);
    const c = hash(ix, iy + 1, seed), d = hash(ix + 1, iy + 1, seed);
    const u = fade(fx), v = fade(fy), k = a - b - c + d;
    dx += slope(fx) * (b - a + k * v);
    dy += slope(fy) * (c - a + k * u);
    const value = a + (b - a) * u + (c - a) * v + k * u * v;
    sum += weight * value / (1 + dx * dx + dy * dy);
    const turned = 1.2 * x + 1.6 * y;
    x = 1.6 * x - 1.2 * y;
    y = turned;
  }
  return sum;
}

export function normalize([x, y, z]: Ray): Ray {
  const length = Math.sqrt(x * x + y * y + z * z);
  return [x / length, y / length, z / length];
}

export function dot(a: Ray, b: Ray): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

export function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}

export function blend(a: Rgb, b: Rgb, t: number): Rgb {
  return [mix(a[0], b[0], t), mix(a[1], b[1], t), mix(a[2], b[2], t)];
}

/** Adds `amount` of the light `b` to `a`. */
export function shine(a: Rgb, b: Rgb, amount: number): Rgb {
  return [a[0] + b[0] * amount, a[1] + b[1] * amount, a[2] + b[2] * amount];
}

export function smoothstep(from: number, to: number, x: number): number {
  const t = Math.min(1, Math.max(0, (x - from) / (to - from)));
  return t * t * (3 - 2 * t);
}

/** A colour out of `0xrrggbb`, as linear light. */
export function hex(code: number): Rgb {
  const channel = (shift: number) => ((code >> shift & 255) / 255) ** 2.2;
  return [channel(16), channel(8), channel(0)];
}

function fade(t: number): number {
  return t * t * t * (t * (t * 6 - 15) + 10);
}

function slope(t: number): number {
  return 30 * t * t * (t * (t - 2) + 1);
}

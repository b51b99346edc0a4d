/**
 * Paints landscapes out of nothing but noise, the same ones on every run: plain TypeScript that
 * burns CPU.
 *
 * @module
 */

import type { Mood } from "./moods.ts";
import { blend, fbm, hash, normalize, type Ray, type Rgb } from "./noise.ts";
import { smoothstep } from "./noise.ts";
import { landAt, placeAt, skyAt, throughAir } from "./scene.ts";

/** Pixels of linear light, and the camera they are seen through. */
interface Canvas {
  readonly mood: Mood;
  readonly width: number;
  readonly height: number;
  readonly horizon: number;
  readonly focal: number;
  readonly light: Float32Array;
}

/** How high the eye is over the water, and from where to where it sees. */
const EYE = 0.04, NEAR = 0.25, FAR = 15;

function stretch(mood: Mood, scale: number): Canvas {
  const width = Math.round(mood.size[0] * scale);
  const height = Math.round(mood.size[1] * scale);
  const horizon = Math.round(height * mood.horizon);
  const focal = Math.max(width, height) * 0.9;
  const light = new Float32Array(width * height * 3);
  return { mood, width, height, horizon, focal, light };
}

function put({ light, width }: Canvas, x: number, y: number, color: Rgb): void {
  const at = (y * width + x) * 3;
  light[at] = color[0];
  light[at + 1] = color[1];
  light[at + 2] = color[2];
}

function pick({ light, width, height }: Canvas, x: number, y: number): Rgb {
  const column = Math.min(width - 1, Math.max(0, x));
  const at = (Math.min(height - 1, Math.max(0, y)) * width + column) * 3;
  return [light[at] ?? 0, light[at + 1] ?? 0, light[at + 2] ?? 0];
}

function rayThrough({ width, horizon, focal }: Canvas, x: number, y: number): Ray {
  return [(x - width / 2) / focal, (horizon - y) / focal, 1];
}

function drawSky(canvas: Canvas): void {
  for (let y = 0; y <= canvas.horizon; y++) {
    for (let x = 0; x < canvas.width; x++) {
      const ray = normalize(rayThrough(canvas, x, y));
      put(canvas, x, y, skyAt(canvas.mood, ray));
    }
  }
}

/**
 * Draws a column of land from front to back, each step filling what rises over
 * all before it. From an eye as far below the water as the other is above, it
 * draws what the water mirrors, without sky showing under far shores.
 */
function drawLand(canvas: Canvas, x: number, eye: number): void {
  const { mood, horizon, focal } = canvas, dip = Math.max(0, eye);
  const [across] = rayThrough(canvas, x, 0);
  let top = canvas.height;
  // A start of its own for each column keeps the steps from showing as bands.
  const start = NEAR * (1 + 0.004 * hash(x, 0, mood.id));
  for (let z = start; z < FAR; z *= 1.0035) {
    const place = placeAt(mood, across * z, z);
    if (place.ground <= 0) continue;
    const rise = place.ground + place.tree - eye;
    const y = Math.max(0, Math.round(horizon - focal * rise / z));
    const foot = Math.min(top, Math.ceil(horizon + focal * dip / z));
    if (y >= foot) continue;
    const ray = rayThrough(canvas, x, y);
    const color = throughAir(mood, landAt(mood, place), ray, place);
    for (let row = y; row < foot; row++) put(canvas, x, row, color);
    top = y;
  }
}

/** Fills a column below the horizon with the mirror's, ruffled and tinted. */
function drawWater(canvas: Canvas, mirror: Canvas, x: number): void {
  for (let y = canvas.horizon; y < canvas.height; y++) {
    put(canvas, x, y, waterAt(mirror, x, y));
  }
}

function waterAt(mirror: Canvas, x: number, y: number): Rgb {
  const { mood, horizon, focal } = mirror;
  const down = (y - horizon + 0.5) / focal, z = EYE / Math.max(down, 1e-4);
  const across = rayThrough(mirror, x, y)[0] * z;
  const breeze = smoothstep(0.35, 0.7, fbm(across * 3, z * 9, 3, mood.id + 70));
  const wave = fbm(across * 90, z * 160, 4, mood.id + 71) - 0.5;
  const swing = mood.ripple * (0.3 + breeze) * wave * Math.min(1, down * 8);
  const row = 2 * horizon - y - Math.abs(swing) * focal * 0.25;
  const column = x + swing * focal * 0.02;
  const seen = pick(mirror, Math.round(column), Math.round(row));
  const depth = 0.1 + 0.5 * smoothstep(0, 0.4, down) + 0.2 * breeze * wave;
  return blend(seen, mood.water, depth);
}

/** Darkens the corners, rolls off the highlights, adds grain. */
function develop({ mood, width, height, light }: Canvas): Uint8ClampedArray {
  const bytes = new Uint8ClampedArray(light.length);
  for (let i = 0; i < bytes.length; i++) {
    const x = Math.floor(i / 3) % width, y = Math.floor(i / 3 / width);
    const edge = (x / width - 0.5) ** 2 + (y / height - 0.5) ** 2;
    const dim = (light[i] ?? 0) * (1 - 0.5 * edge);
    const soft = dim < 0.7 ? dim : 1 - 0.3 * Math.exp((0.7 - dim) / 0.3);
    const grain = hash(x, y, mood.id) + hash(x, y, mood.id + 1) - 1;
    bytes[i] = 255 * (soft ** (1 / 2.2) + grain * 2 * mood.grain);
  }
  return bytes;
}

/** A picture: its rows from the top, each pixel as red, green and blue. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8ClampedArray;
}

/** Paints a mood, at a share of its size. */
export function paint(mood: Mood, scale: number): Picture {
  const canvas = stretch(mood, scale);
  drawSky(canvas);
  const mirror = { ...canvas, light: canvas.light.slice() };
  for (let x = 0; x < canvas.width; x++) drawLand(mirror, x, -EYE);
  for (let x = 0; x < canvas.width; x++) {
    drawWater(canvas, mirror, x);
    drawLand(canvas, x, EYE);
  }
  return { width: canvas.width, height: canvas.height, pixels: develop(canvas) };
}

/**
 * What there is to see: the sky in a direction, the land at a place, and the
 * air between.
 *
 * @module
 */

import type { Mood } from "./moods.ts";
import { blend, erode, fbm, hash, noise, smoothstep } from "./noise.ts";
import { dot, normalize, type Ray, type Rgb, shine } from "./noise.ts";

/** A place on the land: how high the ground is, and a tree's top over it. */
export interface Place {
  readonly x: number;
  readonly z: number;
  readonly ground: number;
  readonly tree: number;
}

/** The sky's colour in a direction, clouds and all. */
export function skyAt(mood: Mood, ray: Ray): Rgb {
  const near = Math.max(0, dot(ray, mood.sun));
  const clear = blend(mood.low, mood.zenith, 1 - Math.exp(-4.5 * ray[1]));
  const disc = smoothstep(0.99945, 0.9997, near) + 0.5 * near ** 1200;
  const glow = 0.12 * near ** 10 + 0.2 * near ** 60 + mood.disc * disc;
  const sky = shine(clear, mood.light, glow + starsAt(mood, ray));
  return coverWithCloud(mood, ray, near, sky);
}

function starsAt({ id, stars }: Mood, ray: Ray): number {
  if (stars === 0) return 0;
  const x = ray[0] / ray[2] * 260, y = ray[1] / ray[2] * 260;
  const i = Math.floor(x), k = Math.floor(y);
  const bright = (32 * Math.max(0, hash(i, k, id) - 0.965)) ** 3;
  const off = Math.hypot(x - i - 0.5, y - k - 0.5);
  return stars * bright * smoothstep(0.42, 0.1, off) * ray[1] ** 0.3;
}

function coverWithCloud(mood: Mood, ray: Ray, near: number, sky: Rgb): Rgb {
  const x = ray[0] / (ray[1] + 0.08), z = ray[2] / (ray[1] + 0.08);
  const here = cloudAt(mood, x, z);
  const least = 0.62 - mood.cover / 3;
  const dense = smoothstep(least, least + 0.3, here);
  if (dense === 0) return sky;
  // Less cloud towards the sun means a brighter edge on this side of it.
  const { ambient, cloud, light, sun } = mood;
  const rim = here - cloudAt(mood, x + sun[0] * 0.15, z + sun[2] * 0.15);
  const lit = Math.max(0.1, 0.85 + 3.5 * rim - 0.35 * dense);
  const glow = 0.25 * near ** 5 * (1 - dense * 0.7);
  const color = shine(blend(ambient, cloud, lit), light, glow);
  return blend(sky, color, dense * smoothstep(0, 0.12, ray[1]) * 0.92);
}

function cloudAt({ id }: Mood, x: number, z: number): number {
  const warp = noise(x * 0.7 + 9, z * 0.7, id + 50);
  return fbm(x * 0.55 + warp, z * 0.8 - warp, 6, id + 60);
}

export function placeAt(mood: Mood, x: number, z: number): Place {
  const ground = groundAt(mood, x, z, 8);
  return { x, z, ground, tree: treeAt(mood, x, z, ground) };
}

/** How high the bare ground stands over the water. */
function groundAt(mood: Mood, x: number, z: number, octaves: number): number {
  const { id, peaks, slope } = mood;
  const rock = erode(x * 0.33 + 7.3, z * 0.33 + 1.7, octaves, id);
  const bend = 0.5 * (noise(z * 0.4, 3.5, id + 20) - 0.5);
  const bay = 0.8 * noise(x * 1.1, z * 1.1, id + 21);
  const off = z * 0.8 + Math.abs(x + bend) * 1.6 - bay;
  return rock * (0.12 + peaks * smoothstep(slope[0], slope[1], off)) - 0.1;
}

/** Trees are cones, at most one to a cell of a grid. */
function treeAt(mood: Mood, x: number, z: number, ground: number): number {
  const { id, tree, treeline } = mood;
  if (ground < 0.003) return 0;
  if (ground > treeline * (0.5 + fbm(x * 2, z * 2, 3, id + 30))) return 0;
  const [u, v] = treeCell(tree, x, z), i = Math.floor(u), k = Math.floor(v);
  const size = hash(i, k, id + 31);
  if (size < 0.15) return 0;
  const du = u - i - 0.35 - 0.3 * hash(i, k, id + 32);
  const dv = v - k - 0.35 - 0.3 * hash(i, k, id + 33);
  const cone = 1 - 2.1 * Math.sqrt(du * du + dv * dv);
  return tree * (0.45 + 0.55 * size) * Math.max(0, cone);
}

/** Turned away from the line of sight, or the trees would stand in rows. */
function treeCell(tree: number, x: number, z: number): [number, number] {
  const cell = tree * 0.45;
  return [(0.8 * x - 0.6 * z) / cell, (0.6 * x + 0.8 * z) / cell];
}

/** The colour of the land at a place, before the air dims it. */
export function landAt(mood: Mood, place: Place): Rgb {
  const { x, z, ground } = place, gap = 0.003 * z + 0.002;
  const east = groundAt(mood, x + gap, z, 8) - ground;
  const north = groundAt(mood, x, z + gap, 8) - ground;
  const normal = normalize([-east, gap, -north]);
  const facing = dot(normal, mood.sun);
  const lit = facing <= 0 ? 0 : facing * openness(mood, place);
  const [r, g, b] = place.tree > 0 ? leafAt(mood, place) : soilAt(mood, place, normal[1]);
  const sky = 0.6 + 0.4 * normal[1];
  const bright = shine([0, 0, 0], mood.ambient, sky);
  const [lr, lg, lb] = shine(bright, mood.light, lit);
  return [r * lr, g * lg, b * lb];
}

function leafAt({ id, tree, leaves }: Mood, place: Place): Rgb {
  const [u, v] = treeCell(tree, place.x, place.z);
  const own = hash(Math.floor(u), Math.floor(v), id + 34);
  const stand = fbm(place.x * 1.5, place.z * 1.5, 3, id + 35);
  const leaf = blend(leaves[0], leaves[1], smoothstep(0.5, 1, own * 0.5 + stand));
  // Little light reaches the foot of a tree.
  return blend([0, 0, 0], leaf, 0.25 + 1.4 * place.tree / tree);
}

function soilAt(mood: Mood, { x, z, ground }: Place, level: number): Rgb {
  const patch = fbm(x * 6, z * 6, 5, mood.id + 40);
  const rock = blend([0.13, 0.12, 0.11], [0.3, 0.28, 0.26], patch);
  const grass = blend(mood.leaves[0], mood.leaves[1], patch);
  const low = smoothstep(mood.treeline * 2.2, mood.treeline * 0.8, ground);
  const bare = blend(rock, grass, smoothstep(0.6, 0.8, level) * low);
  const high = smoothstep(-0.2, 0.2, ground - mood.snowline + patch - 0.5);
  const hold = smoothstep(0.45, 0.7, level + patch * 0.2);
  return blend(bare, [0.82, 0.85, 0.9], high * hold);
}

/** How much of the sun reaches a place past the land in its way. */
function openness(mood: Mood, { x, z, ground }: Place): number {
  const [right, up, ahead] = mood.sun;
  let open = 1;
  for (let far = 0.06; far < 3 && open > 0; far *= 1.8) {
    const there = groundAt(mood, x + right * far, z + ahead * far, 5);
    open = Math.min(open, 0.5 + 6 * (ground + up * far - there) / far);
  }
  return Math.max(0, open);
}

/** The land's colour seen along a ray, through the air before it. */
export function throughAir(mood: Mood, land: Rgb, ray: Ray, at: Place): Rgb {
  const [density, falloff] = mood.fog;
  const thin = Math.exp(-falloff * (at.ground + at.tree));
  const near = Math.max(0, dot(normalize(ray), mood.sun));
  const air = shine(mood.haze, mood.light, 0.15 * near ** 8);
  return blend(land, air, 1 - Math.exp(-density * at.z * thin));
}

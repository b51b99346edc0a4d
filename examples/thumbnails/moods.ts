/**
 * The pictures: which there are, and the light, weather and land of each.
 *
 * @module
 */

import { hex, normalize, type Ray, type Rgb } from "./noise.ts";

/** One picture's settings; lengths are in kilometres. */
export interface Mood {
  /** Names the file and seeds the noise. */
  readonly id: number;
  readonly format: "jpg" | "png";
  readonly size: readonly [width: number, height: number];
  /** Where the horizon lies, as a share of the height. */
  readonly horizon: number;
  readonly zenith: Rgb;
  readonly low: Rgb;
  /** Where the sun or moon stands, its light, and how bright it shows. */
  readonly sun: Ray;
  readonly light: Rgb;
  readonly disc: number;
  readonly ambient: Rgb;
  readonly haze: Rgb;
  /** How thick the haze is, and how fast it thins with height. */
  readonly fog: readonly [density: number, falloff: number];
  readonly cloud: Rgb;
  readonly cover: number;
  readonly stars: number;
  readonly peaks: number;
  /** How far off the land starts to rise, and where it has risen in full. */
  readonly slope: readonly [from: number, to: number];
  /** How tall trees grow, up to what height, and their colours. */
  readonly tree: number;
  readonly treeline: number;
  readonly leaves: readonly [Rgb, Rgb];
  readonly snowline: number;
  readonly water: Rgb;
  readonly ripple: number;
  readonly grain: number;
}

const noon: Mood = {
  id: 123456789,
  format: "jpg",
  size: [1800, 1200],
  horizon: 0.6,
  zenith: hex(0x1f5aa8),
  low: hex(0xb4d2ea),
  sun: normalize([-0.75, 0.6, -0.1]),
  light: [2.5, 2.35, 2.1],
  disc: 0,
  ambient: [0.32, 0.42, 0.58],
  haze: hex(0xa6c4e0),
  fog: [0.04, 0.6],
  cloud: [0.98, 0.98, 1],
  cover: 0.5,
  stars: 0,
  peaks: 2.6,
  slope: [0.8, 9],
  tree: 0.045,
  treeline: 0.55,
  leaves: [hex(0x22361f), hex(0x465a2a)],
  snowline: 1.05,
  water: hex(0x1c5560),
  ripple: 0.5,
  grain: 0.026,
};

const dawn: Mood = {
  ...noon,
  id: 123456790,
  size: [1620, 1080],
  zenith: hex(0x5f86c0),
  low: hex(0xffd3a6),
  sun: normalize([0.28, 0.17, 1]),
  light: [2.6, 1.6, 0.9],
  disc: 1,
  ambient: [0.3, 0.34, 0.5],
  haze: hex(0xf6cfc4),
  fog: [0.75, 7],
  cloud: hex(0xffc9b0),
  cover: 0.6,
  peaks: 2.3,
  water: hex(0x3a4a60),
  ripple: 0.25,
};

const dusk: Mood = {
  ...noon,
  id: 123456791,
  size: [1620, 1080],
  zenith: hex(0x23306e),
  low: hex(0xff9850),
  sun: normalize([-0.2, 0.06, 1]),
  light: [2.6, 1.1, 0.4],
  disc: 0.8,
  ambient: [0.17, 0.15, 0.3],
  haze: hex(0x8f5a78),
  fog: [0.1, 0.9],
  cloud: hex(0xf08070),
  cover: 0.58,
  peaks: 1.7,
  water: hex(0x1a1838),
  ripple: 0.45,
};

const night: Mood = {
  ...noon,
  id: 123456792,
  format: "png",
  size: [1020, 680],
  zenith: hex(0x0a1230),
  low: hex(0x3d6090),
  sun: normalize([0.27, 0.31, 1]),
  light: [0.5, 0.62, 0.85],
  disc: 2,
  ambient: [0.08, 0.12, 0.21],
  haze: hex(0x34557f),
  fog: [0.09, 1.6],
  cloud: hex(0x3a5480),
  cover: 0.4,
  stars: 1,
  peaks: 2.4,
  snowline: 0.75,
  water: hex(0x050a18),
  ripple: 0.4,
  grain: 0.006,
};

const fog: Mood = {
  ...noon,
  id: 123456793,
  size: [1200, 1800],
  horizon: 0.74,
  zenith: hex(0xc2d0d2),
  low: hex(0xf4f2e8),
  sun: normalize([0.5, 0.5, 0.3]),
  light: [0.8, 0.8, 0.74],
  ambient: [0.5, 0.55, 0.55],
  haze: hex(0xdae8e8),
  fog: [0.24, 0.2],
  cloud: hex(0xe6e9e7),
  cover: 0.6,
  peaks: 5,
  slope: [0.3, 4.5],
  tree: 0.08,
  treeline: 9,
  leaves: [hex(0x10231a), hex(0x264030)],
  snowline: 9,
  water: hex(0x2c403e),
  ripple: 0.2,
};

const autumn: Mood = {
  ...noon,
  id: 123456794,
  format: "png",
  size: [1020, 680],
  zenith: hex(0x3f72b4),
  low: hex(0xf6e3c4),
  sun: normalize([0.8, 0.35, -0.2]),
  light: [2.6, 2, 1.35],
  ambient: [0.28, 0.33, 0.44],
  haze: hex(0xe0cfb8),
  fog: [0.06, 1],
  cloud: hex(0xfff0e0),
  cover: 0.55,
  peaks: 2.2,
  tree: 0.04,
  treeline: 0.6,
  leaves: [hex(0x2f4422), hex(0xb8661f)],
  snowline: 1.1,
  water: hex(0x24404c),
  ripple: 0.3,
  grain: 0.006,
};

export const moods: readonly Mood[] = [noon, dawn, dusk, night, fog, autumn];

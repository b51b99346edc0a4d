import { crc32 } from "node:zlib";

/**
 * Which of several hosts a name belongs to, by the rule of channels_redis: twelve bits of its CRC-32
 * say where on a ring of 4096 it is, and each host has an equal part of it.
 *
 * @param name The name of a group, or the visible part of a process-local channel's.
 * @param hosts How many hosts there are.
 */
export function hostOf(name: string, hosts: number): number {
  return Math.floor((crc32(name) & 0xfff) / (4096 / hosts));
}

/** A count for people: 1.2k, 34M. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "–";
  for (const [unit, size] of [
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ] as const) {
    if (value >= size * 10) return `${Math.round(value / size)}${unit}`;
    if (value >= size) return `${(value / size).toFixed(1)}${unit}`;
  }
  if (value >= 10 || Number.isInteger(value)) return String(Math.round(value));
  return value.toFixed(value < 0.095 ? 2 : 1);
}

/** Milliseconds for people, as a number and its unit. */
export function time(ms: number | undefined | null): [value: string, unit: string] {
  if (ms === undefined || ms === null || !Number.isFinite(ms)) return ["–", ""];
  if (ms < 9.95) return [ms.toFixed(1), "ms"];
  if (ms < 999.5) return [String(Math.round(ms)), "ms"];
  return [(ms / 1000).toFixed(ms < 9950 ? 2 : 1), "s"];
}

/** How long something lasts, in its two largest units. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

export function percent(part: number): string {
  return `${Math.round(100 * Math.min(Math.max(part, 0), 1))}%`;
}

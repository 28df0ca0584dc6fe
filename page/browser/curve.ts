import { HISTORY_MS } from "../feed.ts";
import { setAttribute, svg } from "./dom.ts";
import { HEIGHT, type Sample, sparkline, WIDTH } from "./spark.ts";

/** A sparkline. It says nothing that the number beside it does not, so a screen reader passes it by. */
export function curve(): { readonly node: SVGElement; show(samples: readonly Sample[], now: number): void } {
  const area = svg("path", { class: "area" });
  const line = svg("path");
  const box = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" };
  return {
    node: svg("svg", { class: "spark", ...box }, area, line),
    show(samples, now) {
      const drawn = sparkline(samples, now - HISTORY_MS, now);
      setAttribute(line, "d", drawn.line);
      setAttribute(area, "d", drawn.area);
    },
  };
}

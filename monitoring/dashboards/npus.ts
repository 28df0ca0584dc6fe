import { npuExporter } from "../metrics.ts";
import type { Dashboard, Unit } from "./dashboard.ts";
import { lines, of, stackVariable } from "./queries.ts";

/** Labels of npu-exporter: `id` is the NPU, `instance` the exporter that Prometheus asked. */
const each = (title: string, description: string, unit: Unit, expr: string) =>
  lines(title, description, unit, [{ expr, legend: "{{instance}} NPU {{id}}" }]);

/** Only where the stack file has npu-exporters. */
export const npus: Dashboard = {
  uid: "ascend-pd-npus",
  title: "ascend-pd: NPUs",
  description: "The NPUs of all hosts with an npu-exporter.",
  variables: [stackVariable],
  rows: [
    {
      title: "NPUs",
      panels: [
        each("Utilization", "Of AI cores.", "percent", of(npuExporter.utilization)),
        each(
          "Memory",
          "Part of HBM that is in use.",
          "percentunit",
          `${of(npuExporter.memoryUsed)} / ${of(npuExporter.memoryTotal)}`,
        ),
        each("Temperature", "Of the chip.", "celsius", of(npuExporter.temperature)),
        each("Power", "Of the chip.", "watt", of(npuExporter.power)),
        each("Health", "1 while npu-exporter says so.", "none", of(npuExporter.health)),
      ],
    },
  ],
};

import type { Dashboard } from "./dashboard.ts";
import { faults } from "./faults.ts";
import { instance } from "./instance.ts";
import { npus } from "./npus.ts";
import { overview } from "./overview.ts";
import { roles } from "./roles.ts";

/** Those of every stack, the first of which Grafana opens with. */
export const dashboards: readonly Dashboard[] = [overview, roles, instance, faults];

/** With those for which something more is scraped. */
export const dashboardsFor = ({ npuExporters }: { readonly npuExporters: readonly string[] }) =>
  npuExporters.length > 0 ? [...dashboards, npus] : dashboards;

import { basename } from "node:path/posix";
import { Document, type Scalar, visit } from "yaml";
import { everyContainer, labelsOf, restrictions } from "../../planning/container/settings.ts";
import { isHead } from "../../planning/layout.ts";
import {
  type ContainerPlan,
  type FilePlan,
  type HostPlan,
  type ImagePlan,
  isInstance,
  isMonitoring,
  type Plan,
} from "../../planning/plan.ts";
import { isIpv6 } from "../../rank-tables/addresses.ts";
import { comment } from "./shell.ts";
import { imageBuild, imageName } from "./source-images.ts";
import { together } from "./together.ts";

/** The Compose file of what runs on `host`, for Docker Compose 2.23.1 or later, which has `configs.content`. */
export function compose(plan: Plan, host: HostPlan): string {
  const own = plan.containers.filter((container) => container.host === host.name);
  const configs = configsOf(own.flatMap(({ files }) => files));
  const volumes = own.flatMap(({ volumes = [] }) => volumes);
  const services = own.map((container) => [container.name, service(plan, container, own, configs)] as const);
  const document = new Document(
    {
      name: projectName(plan.stack),
      services: Object.fromEntries(services),
      configs: Object.fromEntries(configs.map(({ name, content }) => [name, { content }])),
      ...(volumes.length > 0 && {
        // By the names that `pulumi up` gives them.
        volumes: Object.fromEntries(volumes.map(({ name }) => [name, { name }])),
      }),
    },
    { aliasDuplicateObjects: false },
  );
  visit(document, {
    Scalar: (place, scalar) => {
      if (place !== "key") setStyle(scalar);
    },
  });
  return `${comment(header(plan, host, own))}\n${document.toString({ lineWidth: 0 })}`;
}

function header(plan: Plan, host: HostPlan, own: readonly ContainerPlan[]): string {
  const others = plan.hosts.filter(({ name }) =>
    plan.containers.some((container) => container.host === name && name !== host.name),
  );
  const builds = new Set(own.flatMap(({ image }) => imageBuild(plan.stack, image, host)));
  return [
    `What \`pulumi up\` does for stack ${plan.stack} on ${host.name} (${host.address}), for Docker Compose 2.23.1 or later:`,
    "  docker compose --file FILE up --detach --wait",
    ...(others.length > 0 && own.some(({ role }) => role === "scheduler")
      ? [`Compose sees one host: first bring up ${others.map(({ name }) => name).join(", ")}.`]
      : []),
    ...together(plan, host),
    ...(builds.size > 0
      ? ["Its images that no registry has: in a clone of ascend-pd, after `npm install`:"]
      : []),
    ...[...builds].map((build) => `  ${build}`),
  ].join("\n");
}

/** Compose takes small letters, digits, hyphens and underscores. */
const projectName = (stack: string) => stack.toLowerCase().replaceAll(/[^a-z0-9_-]/g, "-");

interface Config extends FilePlan {
  readonly name: string;
}

/** Each content of each path once, under a name that Compose takes. */
function configsOf(files: readonly FilePlan[]): Config[] {
  const distinct = files.filter((file, index) => files.findIndex((other) => isSame(file, other)) === index);
  return distinct.map((file, index) => {
    const name = basename(file.path).replaceAll(/[^A-Za-z0-9._-]/g, "_");
    const isTaken = distinct.slice(0, index).some(({ path }) => basename(path) === basename(file.path));
    return { ...file, name: isTaken ? `${index}-${name}` : name };
  });
}

const isSame = (a: FilePlan, b: FilePlan) => a.path === b.path && a.content === b.content;

function service(
  plan: Plan,
  container: ContainerPlan,
  own: readonly ContainerPlan[],
  configs: readonly Config[],
): object {
  const { name, role, member, image, command, env, devices, mounts, files, user, restricted, ...others } =
    container;
  const {
    stopTimeoutSeconds,
    startTimeoutSeconds,
    tls,
    port,
    readyPath,
    host,
    npus,
    address,
    volumes = [],
    memoryMib,
    sharedMemoryMib,
    ipc,
    ulimits,
    secretEnv,
    ...forgotten
  } = others;
  // Does not compile when the Plan says something of a container that this renderer leaves out.
  forgotten satisfies Record<string, never>;
  const before = role === "scheduler" ? own.filter((other) => isInstance(other) && isHead(other)) : [];
  return {
    container_name: name,
    image: imageName(plan.stack, image),
    ...(image.kind !== "reference" && { pull_policy: "never" }),
    command,
    // A secret is taken from the environment of whoever runs this.
    environment: { ...env, ...Object.fromEntries(secretEnv?.map((one) => [one, null]) ?? []) },
    devices: devices.map((one) => `${one.hostPath}:${one.containerPath}:${one.permissions}`),
    volumes: [
      ...mounts.map(({ source, target, readOnly }) => ({
        type: "bind",
        source,
        target,
        read_only: readOnly,
        bind: { create_host_path: false },
      })),
      ...volumes.map(({ name, target }) => ({ type: "volume", source: name, target })),
    ],
    // Compose places such files in the container before it starts, as `pulumi up` does.
    configs: files.map((file) => ({
      source: configs.find((one) => isSame(one, file))?.name,
      target: file.path,
      mode: everyContainer.fileMode,
    })),
    ...(user !== undefined && { user }),
    ...(memoryMib !== undefined && { mem_limit: `${memoryMib}m`, memswap_limit: `${memoryMib}m` }),
    ...(sharedMemoryMib !== undefined && { shm_size: `${sharedMemoryMib}m` }),
    ...(ipc !== undefined && { ipc }),
    ...(ulimits !== undefined && { ulimits }),
    ...(restricted && {
      cap_drop: restrictions.dropCapabilities,
      security_opt: restrictions.securityOptions,
    }),
    network_mode: everyContainer.network,
    restart: everyContainer.restart,
    stop_grace_period: `${stopTimeoutSeconds}s`,
    logging: { driver: everyContainer.logDriver, options: everyContainer.logOptions },
    labels: labelsOf(plan.stack, role, secretEnv),
    // What is in the image of a Prometheus or a Grafana to ask with is its own affair.
    ...(isHead(container) &&
      !isMonitoring(container) && {
        healthcheck: {
          test: healthTest(
            image.kind,
            `${tls === true ? "https" : "http"}://${loopbackOf(plan, host)}:${port}${readyPath}`,
          ),
          interval: "5s",
          timeout: "5s",
          retries: 3,
          start_period: `${startTimeoutSeconds}s`,
        },
      }),
    ...(before.length > 0 && {
      depends_on: Object.fromEntries(before.map((other) => [other.name, { condition: "service_healthy" }])),
    }),
  };
}

/** Where a container that listens at its host's address, or at all of them, is reached from within. */
function loopbackOf({ hosts }: Plan, host: string): string {
  return isIpv6(hosts.find(({ name }) => name === host)?.address ?? "") ? "[::1]" : "127.0.0.1";
}

/**
 * Stands for the gate of `pulumi up`, which asks from outside. Inside there is what the image has: Node in those of
 * this repository, Python in one assembled for vLLM; for the manual's image it is not documented, but an image with vLLM has Python.
 */
function healthTest(kind: ImagePlan["kind"], url: string): string[] {
  // A scheduler asks itself, under an address that its certificate need not have.
  if (url.startsWith("https:")) {
    const script =
      "require('node:https').get(process.argv[1], { rejectUnauthorized: false }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))";
    return ["CMD", "node", "-e", script, url];
  }
  if (kind === "source") {
    return ["CMD", "node", "-e", "fetch(process.argv[1]).then(({ ok }) => process.exit(ok ? 0 : 1))", url];
  }
  const python =
    "import sys, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(sys.argv[1], timeout=4)";
  if (kind === "assembled") return ["CMD", "python3", "-c", python, url];
  const script = `curl -fs -o /dev/null --noproxy '*' "$0" || python3 -c '${python}' "$0" || python -c '${python}' "$0"`;
  return ["CMD", "sh", "-c", script, url];
}

/**
 * In quotes, because Compose's reader takes more for numbers and dates than YAML 1.2 does; `$` is Compose's. A block
 * that begins with white space would lose it.
 */
function setStyle(scalar: Scalar): void {
  const { value } = scalar;
  if (typeof value !== "string") return;
  scalar.value = value.replaceAll("$", "$$$$");
  scalar.type = /^\S.*\n/.test(value) ? "BLOCK_LITERAL" : "QUOTE_DOUBLE";
}

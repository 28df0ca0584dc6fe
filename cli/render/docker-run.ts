import { everyContainer, labelsOf, restrictions } from "../../planning/container/settings.ts";
import { firstQuestion } from "../../planning/first-question.ts";
import { isHead } from "../../planning/layout.ts";
import {
  type ContainerPlan,
  type DevicePlan,
  type HostPlan,
  isInstance,
  isMonitoring,
  type MountPlan,
  type Plan,
  type VolumePlan,
} from "../../planning/plan.ts";
import { word } from "../../problems/shell-word.ts";
import { bracketed } from "../../rank-tables/addresses.ts";
import { command, comment } from "./shell.ts";
import { imageBuild, imageName } from "./source-images.ts";
import { together } from "./together.ts";

/**
 * The shell script that does on `host` what `pulumi up` does there: steps two to four of the manual. Where the manual
 * has `docker run`, it creates the container, places the rank tables in it and starts it: so they arrive with the
 * container and cannot be stale, and the script works through DOCKER_HOST as well. A bind mount of a file would need
 * the file to lie on the host for as long as the container does.
 */
export function dockerRun(plan: Plan, host: HostPlan): string {
  const own = plan.containers.filter((container) => container.host === host.name);
  const instances = own.filter(isInstance);
  const scheduler = own.find(({ role }) => role === "scheduler");
  const awaited = scheduler ? plan.containers.filter(isInstance) : instances;
  const watchers = own.filter(isMonitoring);
  const written = new Map<string, string>();
  const sections = [
    header(plan, host),
    functions,
    preconditions(plan, host, own),
    ...instances.map((instance) => start(plan, instance, written)),
    awaited
      .filter(isHead)
      .map((instance) => awaitReady(plan, instance))
      .join("\n"),
    ...(scheduler
      ? [start(plan, scheduler, written), awaitReady(plan, scheduler), firstCompletion(plan)]
      : []),
    ...watchers.map((one) => start(plan, one, written)),
    watchers.map((one) => awaitReady(plan, one)).join("\n"),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

function header(plan: Plan, host: HostPlan): string {
  const { stack } = plan;
  const { name, address, docker } = host;
  const elsewhere = docker?.startsWith("ssh://") ? `, or anywhere with DOCKER_HOST=${docker}` : "";
  const about = [
    `What \`pulumi up\` does for stack ${stack} on ${name} (${address}), as commands.`,
    `Run it with sh on ${name}${elsewhere}.`,
    ...together(plan, host),
  ].join("\n");
  const engine = docker?.startsWith("unix://") ? [`export DOCKER_HOST=${word(docker)}`] : [];
  return ["#!/bin/sh", comment(about), "set -eu", ...engine].join("\n");
}

const functions = `fail() {
  echo "error: $1" >&2
  exit 1
}

# write FILE TEXT: keeps a file for put.
write() {
  mkdir -p "$work/files/\${1%/*}"
  printf '%s' "$2" > "$work/files/$1"
}

# put NAME FILE...: places files in a container, as root's.
put() {
  into=$1
  shift
  tar -cf "$work/tar" --owner=0 --group=0 --mode=${everyContainer.fileMode} -C "$work/files" "$@"
  docker cp - "$into:/" < "$work/tar"
}

# await NAME URL SECONDS: until it answers; no longer when Docker has had to start it again and again.
await() {
  echo "waiting for $1 to answer at $2"
  deadline=$(($(date +%s) + $3))
  until curl --silent --fail --output /dev/null --noproxy '*' --max-time 5 "$2"; do
    restarts=$(docker container inspect --format '{{.RestartCount}}' "$1" 2> /dev/null) || restarts=0
    if [ "$restarts" -gt 2 ] || [ "$(date +%s)" -ge "$deadline" ]; then
      docker logs --tail 20 "$1" || true
      fail "$1 does not answer at $2 (restarts $restarts, limit $3 s)
fix: mend what its log says, here above or on its host: docker logs $1"
    fi
    sleep 1
  done
}`;

function preconditions(plan: Plan, host: HostPlan, own: readonly ContainerPlan[]): string {
  const builds = new Map(
    own.map(({ image }) => [imageName(plan.stack, image), imageBuild(plan.stack, image, host)]),
  );
  const images = [...builds].filter(([, commands]) => commands.length > 0);
  return [
    "# Whatever is in the way is said before anything is touched.",
    "command -v curl > /dev/null || fail 'there is no curl, which asks whether an instance answers'",
    "docker version > /dev/null || fail 'Docker does not answer, for the reason above'",
    ...images.map(([name, commands]) => {
      const message = `the image ${name} is not on this host
fix: in a clone of ascend-pd, after \`npm install\`:\n${commands.map((one) => `  ${one}`).join("\n")}`;
      return `docker image inspect ${word(name)} > /dev/null 2>&1 || fail ${word(message)}`;
    }),
    "taken=",
    `for name in ${own.map(({ name }) => word(name)).join(" ")}; do`,
    '  if docker container inspect "$name" > /dev/null 2>&1; then taken="$taken $name"; fi',
    "done",
    '[ -z "$taken" ] || fail "there are containers already:$taken',
    'fix: keep them, or have them made anew: docker stop$taken && docker rm$taken, then this script again"',
    ...secretsGiven(own),
    ...npusFree(own),
    "",
    "work=$(mktemp -d)",
    "trap 'rm -rf \"$work\"' EXIT",
    ...(plan.ca === undefined
      ? []
      : [`printf '%s' ${word(plan.ca)} > "$work/ca.pem"`, 'export CURL_CA_BUNDLE="$work/ca.pem"']),
  ].join("\n");
}

/** `--env NAME` takes its value from the environment of the script, and leaves it out where there is none. */
function secretsGiven(own: readonly ContainerPlan[]): string[] {
  const names = [...new Set(own.flatMap(({ secretEnv = [] }) => secretEnv))];
  return names.map(
    (name) =>
      `[ -n "\${${name}-}" ] || fail ${word(`${name} is not in the environment\nfix: set it to the secret, and export it`)}`,
  );
}

/** What `pulumi up` claims: Docker gives an NPU to any number of containers, of which only one can use it. */
function npusFree(own: readonly ContainerPlan[]): string[] {
  const nodes = own.flatMap(({ devices }) => devices.map(({ hostPath }) => hostPath));
  const npus = nodes.flatMap((node) => /^\/dev\/davinci(\d+)$/.exec(node)?.[1] ?? []);
  if (npus.length === 0) return [];
  return [
    "devices='{{.Name}} holds{{range .HostConfig.Devices}} {{.PathOnHost}}{{end}}'",
    `held=$(docker ps --quiet | xargs -r docker inspect --format "$devices" | grep -E ' /dev/davinci(${npus.join("|")})( |$)') || true`,
    '[ -z "$held" ] || fail "NPUs are in use by other containers:',
    "$held",
    'fix: stop those containers, or use other NPUs"',
  ];
}

const steps = {
  prefill: "Step two of the manual, prefill",
  decode: "Step three of the manual, decode",
  scheduler: "Step four of the manual, scheduler",
  prometheus: "Beside the manual, Prometheus",
  grafana: "Beside the manual, Grafana",
} as const;

/** Writes what is not kept for `put` yet (`written` is); creates the container, fills and starts it. */
function start(plan: Plan, container: ContainerPlan, written: Map<string, string>): string {
  const { name, role, files } = container;
  const unwritten = files.filter(({ path, content }) => written.get(path) !== content);
  for (const { path, content } of unwritten) written.set(path, content);
  return [
    comment(`${steps[role]}: ${name}`),
    ...unwritten.map(({ path, content }) => `write ${word(`.${path}`)} ${word(content)}`),
    create(plan, container),
    ...(files.length > 0
      ? [`put ${[name, ...files.map(({ path }) => `.${path}`)].map(word).join(" ")}`]
      : []),
    `docker start ${word(name)}`,
  ].join("\n");
}

function create(plan: Plan, container: ContainerPlan): string {
  const {
    name,
    role,
    member,
    image,
    command: args,
    env,
    devices,
    mounts,
    volumes = [],
    user,
    restricted,
    secretEnv,
    memoryMib,
    sharedMemoryMib,
    ipc,
    ulimits = {},
    ...rest
  } = container;
  const {
    stopTimeoutSeconds,
    tls,
    host,
    npus,
    files,
    port,
    address,
    readyPath,
    startTimeoutSeconds,
    ...forgotten
  } = rest;
  // Does not compile when the Plan says something of a container that this renderer leaves out.
  forgotten satisfies Record<string, never>;
  const flags = [
    ...devices.map(deviceFlag),
    ...mounts.map(mountFlag),
    ...volumes.map(volumeFlag),
    ...Object.entries(env).map(([variable, value]) => `--env ${word(`${variable}=${value}`)}`),
    ...(secretEnv ?? []).map((variable) => `--env ${word(variable)}`),
    ...(user === undefined ? [] : [`--user ${word(user)}`]),
    ...(memoryMib === undefined ? [] : [`--memory=${memoryMib}m`, `--memory-swap=${memoryMib}m`]),
    ...(sharedMemoryMib === undefined ? [] : [`--shm-size=${sharedMemoryMib}m`]),
    ...(ipc === undefined ? [] : [`--ipc=${ipc}`]),
    ...Object.entries(ulimits).map(([limit, value]) => `--ulimit ${limit}=${value}`),
    ...(restricted ? restrictions.dropCapabilities.map((one) => `--cap-drop=${one}`) : []),
    ...(restricted ? restrictions.securityOptions.map((one) => `--security-opt=${one}`) : []),
    `--restart=${everyContainer.restart}`,
    `--stop-timeout=${stopTimeoutSeconds}`,
    `--log-driver=${everyContainer.logDriver}`,
    ...Object.entries(everyContainer.logOptions).map(([option, value]) => `--log-opt=${option}=${value}`),
    ...Object.entries(labelsOf(plan.stack, role, secretEnv)).map(
      ([label, value]) => `--label ${word(`${label}=${value}`)}`,
    ),
    `--net=${everyContainer.network}`,
    `--name ${word(name)}`,
    word(imageName(plan.stack, image)),
    ...args.map(word),
  ];
  return command("docker create", ...flags);
}

function deviceFlag({ hostPath, containerPath, permissions }: DevicePlan): string {
  // What is left out is Docker's default.
  const where = hostPath === containerPath ? hostPath : `${hostPath}:${containerPath}`;
  return `--device=${word(permissions === "rwm" ? where : `${hostPath}:${containerPath}:${permissions}`)}`;
}

/** `-v`, the manual's form, would make a folder where the source is missing. Docker reads the value as CSV. */
function mountFlag({ source, target, readOnly }: MountPlan): string {
  const fields = ["type=bind", `source=${source}`, `target=${target}`, ...(readOnly ? ["readonly"] : [])];
  const csv = fields.map((field) => (/[",\n\r]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field));
  return `--mount ${word(csv.join(","))}`;
}

const volumeFlag = ({ name, target }: VolumePlan): string =>
  `--mount ${word(`type=volume,source=${name},target=${target}`)}`;

function awaitReady(plan: Plan, container: ContainerPlan): string {
  const { name, host, port, tls, readyPath, startTimeoutSeconds } = container;
  const own = isAnywhere(container.address) ? undefined : container.address;
  const address = bracketed(own ?? plan.hosts.find((one) => one.name === host)?.address ?? "");
  const url = `${tls === true ? "https" : "http"}://${address}:${port}${readyPath}`;
  return `await ${word(name)} ${word(url)} ${startTimeoutSeconds}`;
}

const isAnywhere = (address = "::") => address === "::" || address === "0.0.0.0";

/** Healthy ports prove nothing: KV cache has to arrive. */
function firstCompletion({ endpoint, api, servedModelName }: Plan): string {
  const { path, body } = firstQuestion(api, servedModelName);
  const flags = ["--fail", "--silent", "--show-error", "--noproxy '*'", "--max-time 120"];
  return [
    "# The service works when one answer with text comes back.",
    command(
      `curl ${flags.join(" ")}`,
      "--header 'Content-Type: application/json'",
      `--data ${word(JSON.stringify(body))}`,
      word(`${endpoint}${path}`),
    ),
    "echo",
  ].join("\n");
}

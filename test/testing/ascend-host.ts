import { dirname, join } from "node:path";
import { board } from "../../host-checks/testing/sample-outputs.ts";
import { npuInfo } from "../../host-checks/testing/sample-report.ts";
import { runScript } from "../../hosts/script.ts";
import { sshOptions } from "../../planning/ssh-options.ts";
import { word } from "../../problems/shell-word.ts";
import { processesNaming } from "../../system/processes.ts";
import { defaultCacheDir } from "../../toolchain/cache.ts";
import type { Context } from "../../toolchain/context.ts";
import { ensureDockerd } from "../../toolchain/docker-engine.ts";
import type { LocalHost } from "../../toolchain/local-hosts/hosts.ts";
import { startEngine, stopEngine } from "../../toolchain/own-engine.ts";

/*
 * Test hosts that look like Ascend hosts to those who log in: device nodes, driver files, and tools that replay what
 * real ones have printed. All of it lies in folders of the host's own.
 */

const context: Context = { cacheDir: defaultCacheDir(), say: () => {} };

export const ownFolders: readonly string[] = ["/dev", "/etc", "/usr/local", "/var/log"];

/** Where the tools find what to print, in files that are named by their command lines. */
const replay = "/usr/local/replay";

export const image = "ascend-vllm:6.3.910";
export const models = "/usr/local/models";
export const npus: readonly number[] = [4, 5];
export const deviceIp = (host: number, npu: number): string => `29.0.${host}.${20 + npu}`;

/** Runs a script as root on a host, as one who logs in. */
export async function onHost({ address, docker, hostKey }: LocalHost, script: string): Promise<void> {
  const engine = { host: docker, sshOptions: sshOptions({ name: address, address, docker, hostKey }) };
  const { failure } = await runScript(engine, `set -e\n${script}\n`);
  if (failure !== undefined) throw new Error(`${docker}: ${failure}`);
}

/** The line of a script by which a tool prints `output` from then on. */
export const says = (command: string, output: string): string =>
  `printf %s ${word(output)} > ${word(`${replay}/${command}`)}`;

/** Makes host number `index` an Ascend host on which all is well. */
export async function becomeAscendHost(
  host: LocalHost,
  index: number,
  ids: readonly number[] = npus,
): Promise<void> {
  const hccn = ids.flatMap((npu) => [
    says(`hccn_tool -i ${npu} -ip -g`, `ipaddr:${deviceIp(index, npu)}\nnetmask:255.255.255.0\n`),
    says(`hccn_tool -i ${npu} -link -g`, "link status: UP\n"),
    says(`hccn_tool -i ${npu} -net_health -g`, "net health status: Success\n"),
    says(`hccn_tool -i ${npu} -tls -g`, `dev_id:${npu}, tls switch[0](0:disable, 1:enable)\n`),
  ]);
  const conf = ids.map((npu) => `address_${npu}=${deviceIp(index, npu)}\n`).join("");
  const nodes = [...ids.map((npu) => `davinci${npu}`), "davinci_manager", "devmm_svm", "hisi_hdc"];
  const script = [
    ...nodes.map((node) => `mknod /dev/${node} c 1 3`),
    `mkdir -p ${replay} /usr/local/sbin /usr/local/Ascend/driver/tools /var/log/npu ${models}/qwen`,
    ...["/usr/local/sbin/npu-smi", "/usr/local/Ascend/driver/tools/hccn_tool"].flatMap((tool) => [
      `printf '#!/bin/sh\\nexec cat "${replay}/\${0##*/} $*"\\n' > ${tool}`,
      `chmod +x ${tool}`,
    ]),
    says("npu-smi info", npuInfo(ids.map((id) => ({ id })))),
    says(`npu-smi info -t board -i ${ids[0]}`, board),
    ...hccn,
    `printf '${conf.replaceAll("\n", "\\n")}' > /etc/hccn.conf`,
    "echo Version=23.0.5 > /usr/local/Ascend/driver/version.info",
    "echo UserName=HwHiAiUser > /etc/ascend_install.info",
    "touch /etc/localtime",
    `echo '{}' > ${models}/qwen/config.json`,
    "ssh-keygen -q -A",
    "sysctl -q -w net.ipv4.ip_local_reserved_ports=60000-60031",
    `tar -c -T /dev/null | docker import - ${image}`,
  ];
  await onHost(host, script.join("\n"));
}

/** Starts the Docker Engine of a host anew, so that its containers see the host's own folders too. */
export async function letEngineSeeFolders({ engine }: LocalHost): Promise<void> {
  const folder = dirname(dirname(engine.dataRoot));
  const [sshd] = await processesNaming(join(folder, "sshd_config"));
  if (sshd === undefined) throw new Error(`no sshd runs for ${folder}`);
  await stopEngine(context, engine);
  await startEngine(context, { ...engine, mounts: `/proc/${sshd}/ns/mnt` }, await ensureDockerd(context));
}

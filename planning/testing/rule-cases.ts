import type { Changes } from "./sample-input.ts";

/**
 * What breaks a rule and nothing else, what the user is told, and what the fix asks for. Tests apply both, and
 * docs/rules.md shows them.
 */
export interface Case {
  readonly breaks: string;
  /** Made to the sample input. */
  readonly changes: Changes;
  /** In place of changes that are too long to show. */
  readonly shown?: string;
  readonly path: string;
  readonly message: string;
  readonly fix: string;
  /** Made besides. */
  readonly mended: Changes;
  readonly stack?: string;
}

export const cases: readonly Case[] = [
  {
    breaks: "PD001",
    changes: { "decode[0].prot": 8089 },
    path: "decode[0].prot",
    message: 'unknown key "prot"',
    fix: "remove it; known here: host, devices, port, extraArgs, extraEnv",
    mended: { "decode[0].prot": undefined },
  },
  {
    breaks: "PD002",
    changes: { "decode[0].port": undefined },
    path: "decode[0].port",
    message: '"port" is missing',
    fix: "add it: TCP port to listen on, on the host's network, e.g. 8088, 1024 to 65535",
    mended: { "decode[0].port": 8089 },
  },
  {
    breaks: "PD003",
    changes: { "scheduler.routingPolicy": "blb" },
    path: "scheduler.routingPolicy",
    message: '"blb" is not one of RoundRobin, FreeKVFirst, BLB',
    fix: 'did you mean "BLB"?',
    mended: { "scheduler.routingPolicy": "BLB" },
  },
  {
    breaks: "PD010",
    changes: { "hosts.host-a.address": "10.**.**.18" },
    path: "hosts.host-a.address",
    message: '"10.**.**.18" still holds the placeholder **',
    fix: "put in the real value",
    mended: { "hosts.host-a.address": "10.0.0.18" },
  },
  {
    breaks: "PD011",
    changes: { "decode[1].host": ["host-a", "host-b"] },
    path: "decode[1].host",
    message: "an instance over host-a and host-b: the manual's rank table has one server for each instance",
    fix: "name one host, and declare one decode instance for each other",
    mended: { "decode[1].host": "host-b" },
  },
  {
    breaks: "PD012",
    changes: { "engine.extraEnv": { HF_TOKEN: { secure: "v1:Ob0g" } } },
    path: "engine.extraEnv.HF_TOKEN",
    message: "a secret here would be plain text in the Plan and in Pulumi's state",
    fix: "keep it in the key ascend-pd:secretEnv, and name its variable in `secretEnv` of engine or scheduler",
    mended: { "engine.extraEnv": undefined, "engine.secretEnv": ["HF_TOKEN"] },
  },
  {
    breaks: "PD013",
    changes: { "hosts.host-b.docker": "ssh://root:hunter2@10.0.0.19:2222" },
    path: "hosts.host-b.docker",
    message: "holds a password, and plans, logs and Pulumi's state would show it",
    fix: "write ssh://user@host and log in with a key, its own file or one that ssh-agent holds: `ssh-copy-id user@host`",
    mended: { "hosts.host-b.docker": "ssh://root@10.0.0.19:2222" },
  },
  {
    breaks: "PD014",
    changes: { "engine.extraArgs": ["--api-key", "sk-hunter2"] },
    path: "engine.extraArgs[1]",
    message: "--api-key is a credential, and plans, logs and Pulumi's state would show it",
    fix: "keep its value in ascend-pd:secretEnv, and name VLLM_API_KEY, which vLLM reads in its place, in `secretEnv` of engine",
    mended: { "engine.extraArgs": [], "engine.secretEnv": ["VLLM_API_KEY"] },
  },
  {
    breaks: "PD100",
    stack: "_2p2d",
    changes: {},
    path: "(stack name)",
    message: '"_2p2d" cannot begin a container name',
    fix: "name the stack with a letter or digit first, e.g. 2p2d",
    mended: {},
  },
  {
    breaks: "PD101",
    changes: { "decode[1].host": "host-c" },
    path: "decode[1].host",
    message: 'there is no host "host-c"',
    fix: 'did you mean "host-a"?',
    mended: { "decode[1].host": "host-b" },
  },
  {
    breaks: "PD102",
    changes: { "decode[0].devices[1]": 5 },
    path: "decode[0].devices[1]",
    message: "NPU 5 on host-a is already used by prefill[0]",
    fix: "use a free NPU of host-a: 7",
    mended: { "decode[0].devices[1]": 7 },
  },
  {
    breaks: "PD103",
    changes: { "decode[0].devices[1]": 9 },
    path: "decode[0].devices[1]",
    message: "host-a has no NPU 9, only 0 to 7",
    fix: "use a free NPU of host-a: 7; or, if it is an A3 host, set hosts.host-a.npus to 16",
    mended: { "decode[0].devices[1]": 7 },
  },
  {
    breaks: "PD104",
    changes: { "prefill[1].devices": [4] },
    path: "prefill[1].devices",
    message: "1 NPU on host-b while prefill[0] has 2",
    fix: "give every prefill instance 2; if this is meant, add PD104 with the reason to `allow`",
    mended: { "prefill[1].devices": [4, 5] },
  },
  {
    breaks: "PD105",
    changes: { "decode[0].devices": [6], "decode[1].devices": [6] },
    path: "decode[0].devices",
    message: "1 NPU on host-a while prefill[0] has 2",
    fix: "give both roles equally many, unless this engine is known to cope; if this is meant, add PD105 with the reason to `allow`",
    mended: { "decode[0].devices": [6, 7], "decode[1].devices": [6, 7] },
  },
  {
    breaks: "PD106",
    changes: {
      "hosts.host-a.npus": 16,
      "hosts.host-a.deviceIps.3": "29.0.0.21",
      "prefill[0].devices": [3, 4],
    },
    path: "prefill[0].devices",
    message: "on host-a it has NPU 3 without 2, NPU 4 without 5, the other die of the card",
    fix: "give it both NPUs of a card, or neither; if this is meant, add PD106 with the reason to `allow`",
    mended: { "prefill[0].devices": [4, 5] },
  },
  {
    breaks: "PD110",
    changes: { "scheduler.port": 8088 },
    path: "scheduler.port",
    message: "port 8088 on host-a is already taken by prefill[0]",
    fix: "choose another, e.g. 8090",
    mended: { "scheduler.port": 8090 },
  },
  {
    breaks: "PD111",
    changes: { "scheduler.port": 60030 },
    path: "scheduler.port",
    message: "port 60030 on host-a is one of HCCL's, 60000 to 60031",
    fix: "choose another, e.g. 61000",
    mended: { "scheduler.port": 61000 },
  },
  {
    breaks: "PD112",
    changes: { "prefill[1].port": 8090, "decode[0].port": 8090 },
    path: "decode[0].port",
    message: "port 8090 on host-a is also that of prefill[1] on host-b",
    fix: "choose another, e.g. 8091; if this is meant, add PD112 with the reason to `allow`",
    mended: { "decode[0].port": 8091 },
  },
  {
    breaks: "PD113",
    changes: { "engine.extraEnv": { HCCL_IF_BASE_PORT: "65530" } },
    path: "engine.extraEnv.HCCL_IF_BASE_PORT",
    message: '"65530" is not a whole number from 1024 to 65520',
    fix: "set one whose 32 ports are free on the host, or remove it: 60000 is the default",
    mended: { "engine.extraEnv": { HCCL_IF_BASE_PORT: "64000" } },
  },
  {
    breaks: "PD114",
    changes: { "scheduler.port": 40000 },
    path: "scheduler.port",
    message: "an outgoing connection of host-a may hold port 40000, one of 32768 to 60999",
    fix: "choose another, e.g. 61000; if this is meant, add PD114 with the reason to `allow`",
    mended: { "scheduler.port": 61000 },
  },
  {
    breaks: "PD120",
    changes: { "hosts.host-b.address": "127.0.0.1" },
    path: "hosts.host-b.address",
    message: "127.0.0.1 does not lead to host-b from other hosts",
    fix: "put in the IPv4 address of host-b in the network that the hosts share",
    mended: { "hosts.host-b.address": "10.0.0.19" },
  },
  {
    breaks: "PD121",
    changes: { "hosts.host-b.address": "10.0.0.18" },
    path: "hosts.host-b.address",
    message: "10.0.0.18 is already the address of host-a",
    fix: "put in the address of host-b, or place its instances on host-a",
    mended: { "hosts.host-b.address": "10.0.0.19" },
  },
  {
    breaks: "PD122",
    changes: { "hosts.host-a.deviceIps.5": undefined },
    path: "hosts.host-a.deviceIps",
    message: "NPU 5, which prefill[0] uses, is not among them",
    fix: "add 5 with the ipaddr that `hccn_tool -i 5 -ip -g` prints on host-a",
    mended: { "hosts.host-a.deviceIps.5": "29.0.0.23" },
  },
  {
    breaks: "PD123",
    changes: { "hosts.host-b.deviceIps.5": "29.0.0.23" },
    path: "hosts.host-b.deviceIps.5",
    message: "29.0.0.23 is already that of NPU 5 on host-a",
    fix: "put in the ipaddr that `hccn_tool -i 5 -ip -g` prints on host-b",
    mended: { "hosts.host-b.deviceIps.5": "29.0.1.23" },
  },
  {
    breaks: "PD124",
    changes: { "hosts.host-b.deviceIps.5": "0.0.0.0" },
    path: "hosts.host-b.deviceIps.5",
    message: "no other NPU reaches 0.0.0.0",
    fix: "put in the ipaddr that `hccn_tool -i 5 -ip -g` prints on host-b",
    mended: { "hosts.host-b.deviceIps.5": "29.0.1.23" },
  },
  {
    breaks: "PD125",
    shown: "128 hosts, on each a prefill and a decode instance of 4 NPUs",
    changes: fleet(128, 4),
    path: "prefill",
    message: "the global rank table has 242 KiB, in each of 257 containers",
    fix: "split the deployment into several stacks; if this is meant, add PD125 with the reason to `allow`",
    mended: fleet(64, 4),
  },
  {
    breaks: "PD126",
    shown: "300 hosts, on each a prefill and a decode instance of 8 NPUs",
    changes: fleet(300, 8),
    path: "prefill",
    message: "the global rank table has 1032 KiB, in each of 601 containers",
    fix: "split the deployment into several stacks",
    mended: fleet(40, 8),
  },
  {
    breaks: "PD130",
    changes: { "model.maxModelLen": 8192 },
    path: "model.maxNumBatchedTokens",
    message: "4096 is below maxModelLen, 8192",
    fix: "set it to 8192 or more",
    mended: { "model.maxNumBatchedTokens": 8192 },
  },
  {
    breaks: "PD131",
    changes: { "decode[1].extraArgs": ["--tensor_parallel_size=4"] },
    path: "decode[1].extraArgs[0]",
    message: "--tensor_parallel_size is derived from the number of `devices`",
    fix: "remove it here and set the number of `devices`",
    mended: { "decode[1].extraArgs": [] },
  },
  {
    breaks: "PD132",
    changes: { "scheduler.extraEnv": { no_proxy: "10.0.0.0/8" } },
    path: "scheduler.extraEnv.no_proxy",
    message: "no_proxy is derived from scheduler.noProxy",
    fix: "remove it here and set scheduler.noProxy",
    mended: { "scheduler.extraEnv": undefined, "scheduler.noProxy": ["10.0.0.0/8"] },
  },
  {
    breaks: "PD140",
    changes: { "engine.workDir.source": "models" },
    path: "engine.workDir.source",
    message: '"models" is not an absolute path without `.`, `..` and colon',
    fix: "write the path in full from /, e.g. /data/models",
    mended: { "engine.workDir.source": "/data/models" },
  },
  {
    breaks: "PD141",
    changes: { "engine.workDir.target": "/home/ma-user/models", "model.path": "/home/ma-user/models/qwen" },
    path: "engine.workDir.target",
    message: '"/home/ma-user/models" hides or lies in /home/ma-user, where the image lives',
    fix: "mount it elsewhere, e.g. to /data/models",
    mended: { "engine.workDir.target": "/data/models", "model.path": "/data/models/qwen" },
  },
  {
    breaks: "PD142",
    changes: { "engine.workDir.target": "/usr/local", "model.path": "/usr/local/qwen" },
    path: "engine.workDir.target",
    message: '"/usr/local" hides or lies in /usr/local/Ascend/driver',
    fix: "mount it elsewhere, e.g. to /data/models",
    mended: { "engine.workDir.target": "/data/models", "model.path": "/data/models/qwen" },
  },
  {
    breaks: "PD143",
    changes: { "model.path": "/data/models-2/qwen" },
    path: "model.path",
    message: '"/data/models-2/qwen" is in none of the folders that are mounted: /data/models',
    fix: "mount the folder that holds it, unless the image does; if this is meant, add PD143 with the reason to `allow`",
    mended: { "engine.workDir.target": "/data/models-2" },
  },
  {
    breaks: "PD144",
    changes: { "engine.mounts": [{ source: "/data/cache", target: "/data/models/" }] },
    path: "engine.mounts[0].target",
    message: '"/data/models/" is already the target of engine.workDir',
    fix: "mount it elsewhere, or remove it",
    mended: { "engine.mounts": [{ source: "/data/cache", target: "/data/models/cache" }] },
  },
  {
    breaks: "PD150",
    changes: { "hosts.host-b.hostKey": undefined },
    path: "hosts.host-b.hostKey",
    message: "ssh://root@10.0.0.19:2222 needs one",
    fix: "add what `ssh-keyscan -p 2222 -t ed25519 10.0.0.19` prints after the host name, once you have checked it",
    mended: { "hosts.host-b.hostKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB" },
  },
  {
    breaks: "PD151",
    changes: { "hosts.host-b.docker": "ssh://root@10.0.0.18" },
    path: "hosts.host-b.docker",
    message: "ssh://root@10.0.0.18 is already that of host-a",
    fix: "put in that of host-b, e.g. ssh://root@10.0.0.19; if this is meant, add PD151 with the reason to `allow`",
    mended: { "hosts.host-b.docker": "ssh://root@10.0.0.19" },
  },
  {
    breaks: "PD160",
    changes: { engine: { kind: "simulated" }, "scheduler.runtime": "ascendcloud" },
    path: "scheduler.runtime",
    message: "runtime ascendcloud with engine simulated, which has no image for it",
    fix: "set it to ascend-pd, or engine.kind to ascendcloud",
    mended: { "scheduler.runtime": "ascend-pd" },
  },
  {
    breaks: "PD170",
    changes: { allow: [{ code: "PD104", reason: "prefill-1 has half the load" }] },
    path: "allow[0]",
    message: "there is no problem PD104 to acknowledge",
    fix: "remove it",
    mended: { allow: [] },
  },
];

/** A deployment on so many hosts, with two instances of so many NPUs on each. */
function fleet(hosts: number, npus: number): Changes {
  const numbers = Array.from({ length: hosts }, (_, number) => number);
  const host = (number: number) => `h-${number}`;
  const instances = (first: number, port: number) =>
    numbers.map((number) => ({
      host: host(number),
      devices: Array.from({ length: npus }, (_, index) => first + index),
      port,
    }));
  const ip = (network: number, number: number, last: number) =>
    `${network}.${number >> 8}.${number & 255}.${last}`;
  return {
    hosts: Object.fromEntries(
      numbers.map((number) => [
        host(number),
        {
          address: ip(10, number, 1),
          docker: `ssh://root@${host(number)}`,
          hostKey: "ssh-ed25519 AAAA",
          npus: 2 * npus,
          deviceIps: Object.fromEntries(
            Array.from({ length: 2 * npus }, (_, npu) => [npu, ip(29, number, npu + 1)]),
          ),
        },
      ]),
    ),
    prefill: instances(0, 8088),
    decode: instances(npus, 8089),
    scheduler: { host: host(0), port: 9000 },
  };
}

import { imageFor, npuInfo, type ReportChanges, sampleContainer } from "./sample-report.ts";

/**
 * What breaks a check on host-a and no other, what the user is told, and what the fix makes of it. Tests apply both,
 * and docs/host-checks.md shows them.
 */
export interface Case {
  readonly breaks: string;
  /** On host-a. */
  readonly changes: ReportChanges;
  /** On host-b. */
  readonly other?: ReportChanges;
  readonly seen: string;
  readonly fix: string;
  /** In place of `changes`; absent: all is well again. */
  readonly mended?: ReportChanges;
}

const npus = [4, 5, 6, 7].map((id) => ({ id }));
const [, ...others] = npus;

const ofEveryNpu = (answer: string) =>
  Object.fromEntries(
    npus.flatMap(({ id }) =>
      ["ip", "link", "net_health", "tls"].map((option) => [`hccn ${id} ${option}`, answer]),
    ),
  );

const stranger = (changes: Readonly<Record<string, unknown>>) => ({
  engine: { alive: [sampleContainer("other", changes)] },
});

const device = (path: string) => ({ "HostConfig.Devices": [{ PathOnHost: path }] });

export const cases: readonly Case[] = [
  {
    breaks: "HC101",
    changes: {
      noAnswer: "ssh: connect to host 10.0.0.18 port 22: Connection refused",
      noEngine: "no connection",
    },
    seen: "no command runs through ssh://root@10.0.0.18: ssh: connect to host 10.0.0.18 port 22: Connection refused",
    fix: "make `ssh ssh://root@10.0.0.18 docker version` work from here without a password",
  },
  {
    breaks: "HC102",
    changes: { noEngine: "Cannot connect to the Docker daemon at unix:///var/run/docker.sock" },
    seen: "no Docker Engine answers through ssh://root@10.0.0.18: Cannot connect to the Docker daemon at unix:///var/run/docker.sock",
    fix: "make `ssh ssh://root@10.0.0.18 docker version` work from here without a password",
  },
  {
    breaks: "HC103",
    changes: { engine: { "version.Version": "20.10.9" } },
    seen: "Docker Engine 20.10.9",
    fix: "install Docker Engine 20.10.10 or later on host-a",
    mended: { engine: { "version.Version": "20.10.24+dfsg1" } },
  },
  {
    breaks: "HC104",
    changes: { engine: { "version.ApiVersion": "1.40" } },
    seen: "API 1.40",
    fix: "install Docker Engine 20.10.10 or later on host-a",
    mended: { engine: { "version.ApiVersion": "1.41" } },
  },
  {
    breaks: "HC105",
    changes: { engine: { "info.SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"] } },
    seen: "the engine says name=rootless",
    fix: 'take "userns-remap" out of /etc/docker/daemon.json, or use the engine that root runs, on host-a',
    mended: { engine: { "info.SecurityOptions": [] } },
  },
  {
    breaks: "HC106",
    changes: {
      said: {
        df: "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda2 209715200 104857600 104857600 50% /\n/dev/sdb1 104857600 103809024 1048576 99% /var/lib/docker",
      },
    },
    seen: "1.0 GiB free below /var/lib/docker",
    fix: "free 2 GiB on host-a, e.g. with `docker image prune`, or move data-root to a larger disk",
    mended: {
      said: {
        df: "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sdb1 4 1 2097152 50% /var",
      },
    },
  },
  {
    breaks: "HC107",
    changes: { engine: { images: new Map([["ascend-vllm:6.3.910", imageFor("amd64")]]) } },
    seen: "image ascend-vllm:6.3.910 is for amd64, but the host is arm64",
    fix: "load the arm64 build of that image on host-a, or name it in the stack file",
    mended: { engine: { images: new Map([["ascend-vllm:6.3.910", imageFor("arm64")]]) } },
  },
  {
    breaks: "HC108",
    changes: { engine: { images: new Map() } },
    seen: "there is no image ascend-vllm:6.3.910",
    fix: "`docker pull ascend-vllm:6.3.910` on host-a, or send it: `docker save ascend-vllm:6.3.910 | ssh 10.0.0.18 docker load`",
  },
  {
    breaks: "HC109",
    changes: { engine: { listed: [{ Names: ["/2p2d-decode-0"], Labels: {} }] } },
    seen: "a container 2p2d-decode-0 is there that no stack of this name made",
    fix: "remove it with `docker rm -f 2p2d-decode-0` on host-a, or rename it",
    mended: {
      engine: {
        listed: [{ Names: ["/2p2d-decode-0"], Labels: { "ascend-pd.stack": "2p2d" } }],
      },
    },
  },
  {
    breaks: "HC201",
    changes: { kinds: { "/dev/davinci5": "missing" } },
    seen: "there is no /dev/davinci5",
    fix: "see `npu-smi info` and `ls /dev/davinci*` on host-a, or change `devices` in the stack file",
    mended: { kinds: { "/dev/davinci5": "device" } },
  },
  {
    breaks: "HC202",
    changes: { kinds: { "/dev/hisi_hdc": "file" } },
    seen: "/dev/hisi_hdc is a file, no device node",
    fix: "install the NPU driver on host-a, or start it: `npu-smi info` must work there",
    mended: { kinds: { "/dev/hisi_hdc": "device" } },
  },
  {
    breaks: "HC203",
    changes: stranger(device("/dev/davinci4")),
    seen: "/dev/davinci4 is held by the running container other",
    fix: "stop that container with `docker stop other` on host-a, or take other NPUs in the stack file",
    mended: stranger(device("/dev/davinci3")),
  },
  {
    breaks: "HC204",
    changes: stranger({ "HostConfig.Privileged": true }),
    seen: "the container other is privileged",
    fix: "make sure that it uses none of 4, 5, 6, 7 (`npu-smi info` lists the processes), or stop it",
    mended: stranger({}),
  },
  {
    breaks: "HC205",
    changes: {
      said: { "npu-smi info": npuInfo([{ id: 4, process: [2290156, "VLLMEngineCore"] }, ...others]) },
    },
    seen: "NPU 4 is used by process 2290156 (VLLMEngineCore)",
    fix: "end it on host-a, or take another NPU in the stack file",
    mended: {
      said: {
        "npu-smi info": npuInfo([{ id: 4, process: [2290156, "VLLMEngineCore"] }, ...others]),
        owners: `2290156 0::/system.slice/docker-${"4f".repeat(32)}.scope`,
      },
      engine: {
        alive: [sampleContainer("2p2d-prefill-0", { "Config.Labels": { "ascend-pd.stack": "2p2d" } })],
      },
    },
  },
  {
    breaks: "HC206",
    changes: { said: { "npu-smi info": npuInfo([{ id: 4, usedMb: 60156 }, ...others]) } },
    seen: "60156 of 65536 MB of NPU 4 are in use, and npu-smi lists no process there",
    fix: "find who uses it: `fuser -v /dev/davinci4` as root on host-a names processes in containers too; where it names none, a reset of the card frees it",
    mended: { said: { "npu-smi info": npuInfo([{ id: 4, usedMb: 3402 }, ...others]) } },
  },
  {
    breaks: "HC301",
    changes: {
      said: { "npu-smi": "/usr/local/bin/npu-smi" },
      kinds: { "/usr/local/sbin/npu-smi": "missing" },
    },
    seen: "it is /usr/local/bin/npu-smi",
    fix: "`ln -s /usr/local/bin/npu-smi /usr/local/sbin/npu-smi` on host-a",
  },
  {
    breaks: "HC302",
    changes: { said: { hccn_tool: "" } },
    seen: "it is nowhere",
    fix: "install the whole driver on host-a, with its tools folder",
    mended: { said: { hccn_tool: "/usr/local/bin/hccn_tool" } },
  },
  {
    breaks: "HC303",
    changes: { said: { "npu-smi info": npuInfo(others) } },
    seen: "no NPU 4 among 5, 6, 7",
    fix: "look for it with `npu-smi info -m` and `dmesg` on host-a, or take another NPU in the stack file",
    mended: { said: { "npu-smi info": npuInfo(npus) } },
  },
  {
    breaks: "HC304",
    changes: { said: { "npu-smi info": npuInfo([{ id: 4, health: "Alarm" }, ...others]) } },
    seen: "NPU 4: Alarm",
    fix: "`npu-smi info -t health -i 4` on host-a names the fault; take another NPU until it is mended",
  },
  {
    breaks: "HC305",
    changes: { said: { "npu-smi info": npuInfo([{ id: 4, health: "Warning" }, ...others]) } },
    seen: "NPU 4: Warning",
    fix: "`npu-smi info -t health -i 4` on host-a names the reason",
  },
  {
    breaks: "HC306",
    changes: {
      said: { board: "Software Version : 23.0.5\nFirmware Version : 7.1.0.7.220\nCompatibility : NOK" },
    },
    seen: "driver 23.0.5, firmware 7.1.0.7.220: NOK",
    fix: "install the driver and the firmware of one release on host-a",
  },
  {
    breaks: "HC307",
    changes: {
      said: { board: "Software Version : 25.5.1\nFirmware Version : 7.8.0.5.216\nCompatibility : OK" },
    },
    seen: "driver 25.5.1, while host-b has 23.0.5",
    fix: "install one release on all hosts",
    mended: { said: { board: undefined } },
  },
  {
    breaks: "HC308",
    changes: {
      said: {
        "npu-smi info":
          "npu-smi: error while loading shared libraries: libc_sec.so: cannot open shared object file: No such file or directory",
        board: undefined,
      },
      codes: { "npu-smi info": 127 },
    },
    seen: 'npu-smi fails as a whole: it printed "npu-smi: error while loading shared libraries: libc_sec.so: cannot open shared object file: No such file or directory", and ended with 127',
    fix: "`ldd $(command -v npu-smi)` on host-a names the library; install the whole driver there, then `ldconfig`",
  },
  {
    breaks: "HC309",
    changes: {
      said: ofEveryNpu("[ERROR] permission denied: pls check this cmd run permission."),
      codes: { "hccn 4 ip": 1 },
    },
    seen: 'hccn_tool fails as a whole: it printed "[ERROR] permission denied: pls check this cmd run permission.", and ended with 1',
    fix: "`ls -l $(command -v hccn_tool)` on host-a: root must be allowed to run it, on the host itself and in no container",
  },
  {
    breaks: "HC310",
    changes: { said: { "npu-smi info": npuInfo(npus.map((npu) => ({ ...npu, name: "310P3" }))) } },
    seen: "310P is not supported: it has no network port of its own, by which prefill hands KV cache to decode (NPU 4 OK, 5 OK, 6 OK, 7 OK)",
    fix: "run the stack on A2 or A3 hosts, or leave this one out of the stack file",
  },
  {
    breaks: "HC401",
    changes: {
      said: {
        "hccn 5 ip": "ipaddr:29.0.0.99\nnetmask:255.255.255.0",
        "hccn.conf": "address_4=29.0.0.22\naddress_5=29.0.0.99\naddress_6=29.0.0.56\naddress_7=29.0.0.72",
      },
    },
    seen: "hccn_tool says 29.0.0.99 of NPU 5, while hosts.host-a.deviceIps.5 is 29.0.0.23",
    fix: "put 29.0.0.99 into hosts.host-a.deviceIps.5, if that is the address it should have",
  },
  {
    breaks: "HC402",
    changes: { said: { "hccn.conf": "address_4=29.0.0.22\naddress_6=29.0.0.56\naddress_7=29.0.0.77" } },
    seen: "NPU 5 has 29.0.0.23, /etc/hccn.conf says nothing of it",
    fix: "make address_5 in that file and `hccn_tool -i 5 -ip -g` the same on host-a",
  },
  {
    breaks: "HC403",
    changes: { said: { "hccn 6 link": "link status: DOWN" } },
    seen: "the link of NPU 6 is DOWN",
    fix: "check cable, optics and switch port; `hccn_tool -i 6 -link_stat -g` on host-a tells since when",
  },
  {
    breaks: "HC404",
    changes: { said: { "hccn 6 net_health": "net health status: Receive timeout" } },
    seen: "NPU 6: Receive timeout",
    fix: "`hccn_tool -i 6 -netdetect -g` on host-a shows the address that it must reach",
  },
  {
    breaks: "HC405",
    changes: { said: { "hccn 6 net_health": "net health status: Init" } },
    seen: "NPU 6: Init",
    fix: "set a detection address: `hccn_tool -i 6 -netdetect -s address …` on host-a, then look again",
  },
  {
    breaks: "HC406",
    changes: { said: { "hccn 7 tls": "dev_id:7, tls switch[1](0:disable, 1:enable)" } },
    seen: "it is on for NPU 7 of host-a, and off for NPU 4 of host-a, NPU 5 of host-a and 5 more",
    fix: "set one value on all, as root, e.g. `hccn_tool -i N -tls -s enable 0`",
  },
  {
    breaks: "HC501",
    changes: { kinds: { "/etc/ascend_install.info": "missing" } },
    seen: "there is no /etc/ascend_install.info",
    fix: "install the NPU driver on host-a, or copy it from a host of the same kind",
  },
  {
    breaks: "HC502",
    changes: { kinds: { "/etc/ascend_install.info": "folder" } },
    seen: "/etc/ascend_install.info is a folder, not a file",
    fix: "`rmdir /etc/ascend_install.info` on host-a, and put the file there",
  },
  {
    breaks: "HC503",
    changes: {
      kinds: { "/data/models/qwen2.5-7b": "missing", "/data/models/qwen2.5-7b/config.json": "missing" },
    },
    seen: "there is no /data/models/qwen2.5-7b",
    fix: "download the weights there, or correct `model.path` and `workDir` in the stack file",
  },
  {
    breaks: "HC504",
    changes: { kinds: { "/data/models/qwen2.5-7b/config.json": "missing" } },
    seen: "there is no /data/models/qwen2.5-7b/config.json",
    fix: "download the weights again, or correct `model.path`",
  },
  {
    breaks: "HC505",
    changes: { said: { weights: "total 4\n-rw------- 1 1001 1001 663 Nov 20 10:00 config.json" } },
    seen: "/data/models/qwen2.5-7b/config.json is -rw------- of user 1001: ma-user may not be allowed to read it",
    fix: "`chmod -R o+rX /data/models/qwen2.5-7b` on host-a, and of the folders above it `chmod o+x`",
  },
  {
    breaks: "HC601",
    changes: { said: { addresses: "127.0.0.1\n192.168.0.18" } },
    seen: "10.0.0.18 is none of its addresses: 192.168.0.18",
    fix: "put the one that the other hosts reach into hosts.host-a.address",
  },
  {
    breaks: "HC602",
    changes: { said: { tcp: "0100007F:1F98\n00000000:0016", listeners: "8088 4711 - /usr/bin/python3.11" } },
    seen: "port 8088, for prefill[0], is held by process 4711 (/usr/bin/python3.11)",
    fix: "stop that on host-a, or give another port in the stack file",
    mended: {
      said: { tcp: "0100007F:1F98\n00000000:0016" },
      engine: {
        alive: [
          sampleContainer("2p2d-prefill-0", {
            "Config.Labels": { "ascend-pd.stack": "2p2d" },
            "Config.Cmd": ["sh", "start_servers.sh", "--port=8088"],
          }),
        ],
      },
    },
  },
  {
    breaks: "HC603",
    changes: { said: { reserved: "" } },
    seen: "60000-60031 lies in 32768 to 60999 and is not reserved",
    fix: "`sysctl -w net.ipv4.ip_local_reserved_ports=60000-60031` on host-a, and the same in /etc/sysctl.d",
    mended: { said: { reserved: "", outgoing: "32768 59999" } },
  },
  {
    breaks: "HC604",
    changes: { said: { clock: "1790000060" } },
    other: { said: { clock: "1790000060" } },
    seen: "it is 60 s ahead",
    fix: "let chronyd or ntpd set the clock on host-a; `timedatectl` shows whether one does",
  },
  {
    breaks: "HC605",
    changes: { said: { clock: "1790000004" } },
    other: { said: { clock: "1789999996" } },
    seen: "it is 7 s from that of host-b",
    fix: "let chronyd or ntpd set the clock on host-a; `timedatectl` shows whether one does",
    mended: { said: { clock: "1790000000" } },
  },
  {
    breaks: "HC606",
    changes: { said: { sshd: "maxstartups 3:30:60\nmaxsessions 10" } },
    seen: "MaxStartups 3",
    fix: "set MaxStartups 10 or more in /etc/ssh/sshd_config on host-a, then `systemctl reload sshd`",
  },
  {
    breaks: "HC607",
    changes: { said: { sshd: "maxstartups 10:30:100\nmaxsessions 1" } },
    seen: "MaxSessions 1",
    fix: "set MaxSessions 10 or more in /etc/ssh/sshd_config on host-a, then `systemctl reload sshd`",
  },
];

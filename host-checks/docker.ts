import { engineName } from "../docker/answers.ts";
import { isOf } from "../planning/container/settings.ts";
import {
  failed,
  type HostCheck,
  type HostProblem,
  notApplicable,
  ok,
  on,
  seeing,
  together,
} from "./check.ts";
import { through } from "./facts.ts";
import { linesOf, type Reading, unreadable } from "./tools/reading.ts";

export const engineVersion: HostCheck = {
  code: "HC103",
  severity: "error",
  title: "the Docker Engine is 20.10.10 or later",
  why: "The seccomp profile of earlier ones refuses clone3, and programs of newer images fail with `can't start new thread`.",
  source: "Docker Engine release notes, 20.10.10",
  check: (host) =>
    seeing(host.engine, ({ version }) => {
      const name = engineName(version);
      if (name.startsWith("Podman")) {
        return failed(
          `${name}, which only resembles a Docker Engine`,
          `install Docker Engine 20.10.10 or later ${on(host)}, or point its \`docker\` at the one there is; nothing here was tried with Podman`,
        );
      }
      if (isAtLeast(version.Version, [20, 10, 10])) return ok(version.Version);
      return failed(name, `install Docker Engine 20.10.10 or later ${on(host)}`);
    }),
};

export const apiVersion: HostCheck = {
  code: "HC104",
  severity: "error",
  title: "the engine speaks Docker API 1.41 or later",
  why: "Engines that only resemble Docker have old versions of its API, without all that a container of a stack is given.",
  source: "Docker Engine API, version history: 1.41 came with 20.10",
  check: (host) =>
    seeing(host.engine, ({ version: { ApiVersion } }) => {
      if (isAtLeast(ApiVersion, [1, 41])) return ok(`API ${ApiVersion}`);
      return failed(`API ${ApiVersion}`, `install Docker Engine 20.10.10 or later ${on(host)}`);
    }),
};

function isAtLeast(version: string, least: readonly number[]): boolean {
  const numbers = version.split(/[^\d]+/).map(Number);
  for (const [index, number] of least.entries()) {
    const here = numbers[index] ?? 0;
    if (here !== number) return here > number;
  }
  return true;
}

export const noUserNamespace: HostCheck = {
  code: "HC105",
  severity: "error",
  guardsUp: true,
  title: "the engine runs as root, without a user namespace",
  why: "In one, containers cannot have the host's network, nor open the device nodes of NPUs.",
  source: "Docker documentation, rootless mode and userns-remap, known limitations",
  check: (host) =>
    seeing(host.engine, ({ info }) => {
      const option = info.SecurityOptions.find((one) => /^name=(rootless|userns)\b/.test(one));
      if (option === undefined) return ok("it runs as root");
      const fix = `take "userns-remap" out of /etc/docker/daemon.json, or use the engine that root runs, ${on(host)}`;
      return failed(`the engine says ${option}`, fix);
    }),
};

/** GiB that a folder must have free: a log of each container, and an image that is yet to come. */
const spare = { logs: 2, image: 20 };

export const storageSpace: HostCheck = {
  code: "HC106",
  severity: "warning",
  title: "there is room in Docker's storage: 2 GiB, and 20 GiB more where an image is yet to be pulled",
  why: "A full disk stops the pull of an image half-way, and then every container that writes a log.",
  source: "Ascend inference images of some 10 to 20 GB when unpacked; logs of 150 MB a container",
  check: (host) =>
    seeing(host.engine, ({ info, images }) =>
      seeing(through(host.said("df"), freeSpace(info.DockerRootDir)), (free) => {
        const absent = host.wanted.images.filter((name) => !images.has(name));
        const needed = spare.logs + absent.length * spare.image;
        const seen = `${free.toFixed(1)} GiB free below ${info.DockerRootDir}`;
        if (free >= needed) return ok(seen);
        const fix = `free ${needed} GiB ${on(host)}, e.g. with \`docker image prune\`, or move data-root to a larger disk`;
        return failed(seen, fix);
      }),
    ),
};

/** GiB that are available in the file system that holds `folder`, of what `df -Pk` printed. */
function freeSpace(folder: string): (df: string) => Reading<number> {
  return (df) => {
    const rows = linesOf(df).flatMap((line) => {
      const [, free, mount] = /\s(\d+)\s+\d+%\s+(\/.*)$/.exec(line) ?? [];
      return free === undefined || mount === undefined ? [] : [{ free: Number(free), mount }];
    });
    const holds = (mount: string) => mount === "/" || folder === mount || folder.startsWith(`${mount}/`);
    const [row] = rows.filter(({ mount }) => holds(mount)).sort((a, b) => b.mount.length - a.mount.length);
    return row === undefined ? unreadable(df) : { value: row.free / 1024 ** 2 };
  };
}

const noImage = notApplicable("every image is built on the host");

export const imageFits: HostCheck = {
  code: "HC107",
  severity: "error",
  guardsUp: true,
  title: "an image that the host has is for its architecture",
  why: "Most Ascend hosts are aarch64, most machines that images are saved on are not: the container ends with `exec format error`.",
  source: "the manual, precondition: an image made for the hosts",
  check: (host) => {
    if (host.wanted.images.length === 0) return noImage;
    return seeing(host.engine, ({ version, images }) =>
      together(
        host.wanted.images.map((name) => {
          const built = images.get(name)?.Architecture;
          if (built === undefined) return ok(`${name} is not there yet`);
          if (built === version.Arch) return ok(`${name} for ${built}`);
          const { seen, fix } = wrongArchitecture(host.wanted.name, name, built, version.Arch);
          return failed(seen, fix);
        }),
      ),
    );
  },
};

/** What is wrong with an image that is `built` for another architecture than the one `here`. */
export const wrongArchitecture = (host: string, image: string, built: string, here: string): HostProblem => ({
  seen: `image ${image} is for ${built}, but the host is ${here}`,
  fix: `load the ${here} build of that image on ${host}, or name it in the stack file`,
});

export const imageThere: HostCheck = {
  code: "HC108",
  severity: "warning",
  title: "the engine's image is on the host",
  why: "`pulumi up` makes the host pull it, for which it needs a registry, credentials and time; nothing here has tried.",
  source: "the manual, step two: `docker images` on the host shows it",
  check: (host) => {
    if (host.wanted.images.length === 0) return noImage;
    return seeing(host.engine, ({ images }) =>
      together(
        host.wanted.images.map((name) => {
          if (images.has(name)) return ok(name);
          const send = `docker save ${name} | ssh ${host.wanted.address} docker load`;
          return failed(
            `there is no image ${name}`,
            `\`docker pull ${name}\` ${on(host)}, or send it: \`${send}\``,
          );
        }),
      ),
    );
  },
};

export const namesFree: HostCheck = {
  code: "HC109",
  severity: "error",
  title: "no container of somebody else has a name that the stack gives",
  why: "The engine refuses a second container of one name, in the middle of `pulumi up`.",
  source: "Docker Engine API, ContainerCreate: 409 conflict",
  check: (host) =>
    seeing(host.engine, ({ listed }) =>
      together(
        host.wanted.containers.map(({ name }) => {
          const other = listed.find(({ Names }) => Names.includes(`/${name}`));
          if (other === undefined) return ok(`${name} is free`);
          if (isOf(host.wanted.stack, other.Labels)) return ok(`${name} is this stack's`);
          const fix = `remove it with \`docker rm -f ${name}\` ${on(host)}, or rename it`;
          return failed(`a container ${name} is there that no stack of this name made`, fix);
        }),
      ),
    ),
};

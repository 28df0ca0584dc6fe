import { failed, type HostCheck, notApplicable, ok, on, seeing, together, unseen } from "./check.ts";
import { type HostFacts, through } from "./facts.ts";
import { linesOf, type Reading, unreadable } from "./tools/reading.ts";
import { isNpuSmi } from "./wanted.ts";

const noMounts = notApplicable("no container of the stack mounts anything of this host");
const noModel = notApplicable("no weights are read on this host");

export const mountsThere: HostCheck = {
  code: "HC501",
  severity: "error",
  guardsUp: true,
  title: "everything that containers mount is there",
  why: "Docker refuses to start a container without it. (`docker run -v` would make an empty folder in its place.)",
  source: "the manual, steps two to four: `-v`",
  check: (host) => {
    // Of npu-smi there is more to say: HC301 does.
    const mounts = host.wanted.mounts.filter((mount) => host.wanted.npus.length === 0 || !isNpuSmi(mount));
    if (mounts.length === 0) return noMounts;
    return together(
      mounts.map(({ source }) =>
        seeing(host.kind(source), (kind) => {
          if (kind === "hidden")
            return unseen(`${source} cannot be looked at by the user of that connection`);
          if (kind !== "missing") return ok(source);
          return failed(`there is no ${source}`, missingFix(source, on(host)));
        }),
      ),
      `${mounts.length} files and folders`,
    );
  },
};

function missingFix(source: string, place: string): string {
  if (source.startsWith("/var/log/")) return `\`mkdir -p ${source}\` ${place}`;
  if (/Ascend|ascend|npu-smi|hccn/.test(source))
    return `install the NPU driver ${place}, or copy it from a host of the same kind`;
  return `put it there, or correct \`workDir\` and \`mounts\` in the stack file`;
}

export const mountKinds: HostCheck = {
  code: "HC502",
  severity: "error",
  guardsUp: true,
  title: "files are mounted where files belong, and folders where folders do",
  why: "An earlier `docker run -v` of a missing file has made an empty folder of that name; what reads it then fails, or goes wrong in silence.",
  source: "vllm-project/vllm-ascend, issue 7711: wrong tokens without hccn.conf",
  check: (host) => {
    const mounts = host.wanted.mounts.filter(({ kind }) => kind !== undefined);
    if (mounts.length === 0) return noMounts;
    return together(
      mounts.map(({ source, kind }) =>
        seeing(host.kind(source), (found) => {
          if (found === kind || found === "missing") return ok(source);
          if (found === "hidden")
            return unseen(`${source} cannot be looked at by the user of that connection`);
          const fix =
            kind === "file"
              ? `\`rmdir ${source}\` ${on(host)}, and put the file there`
              : `make it a folder ${on(host)}`;
          return failed(`${source} is a ${found}, not a ${kind}`, fix);
        }),
      ),
      `${mounts.length} files and folders`,
    );
  },
};

export const modelThere: HostCheck = {
  code: "HC503",
  severity: "error",
  guardsUp: true,
  title: "the model's folder is on the host",
  why: "The server looks for a path that is no folder as a name on a model hub, and ends.",
  source: "the manual, step two: `--model`, weights as downloaded from HuggingFace",
  check: (host) => {
    const { model } = host.wanted;
    if (model === undefined) return noModel;
    return seeing(host.kind(model.path), (kind) => {
      if (kind === "folder") return ok(model.path);
      if (kind === "hidden")
        return unseen(`${model.path} cannot be looked at by the user of that connection`);
      const seen = kind === "missing" ? `there is no ${model.path}` : `${model.path} is a ${kind}`;
      return failed(
        seen,
        "download the weights there, or correct `model.path` and `workDir` in the stack file",
      );
    });
  },
};

/** HC503 has said so. */
function lacksModel({ wanted, kind }: HostFacts): boolean {
  const there = kind(wanted.model?.path ?? "");
  return "value" in there && ["missing", "file"].includes(there.value);
}

export const modelWhole: HostCheck = {
  code: "HC504",
  severity: "warning",
  title: "the model's folder has a config.json",
  why: "It is what tells the server which model this is; a folder without it is half a download, or the folder above.",
  source: "the manual, step two: `--model`, weights as downloaded from HuggingFace",
  check: (host) => {
    const { model } = host.wanted;
    if (model === undefined || lacksModel(host)) return noModel;
    return seeing(host.kind(`${model.path}/config.json`), (kind) => {
      if (kind === "file") return ok("config.json");
      if (kind === "hidden")
        return unseen(`${model.path} cannot be looked at by the user of that connection`);
      return failed(
        `there is no ${model.path}/config.json`,
        "download the weights again, or correct `model.path`",
      );
    });
  },
};

export const modelReadable: HostCheck = {
  code: "HC505",
  severity: "warning",
  title: "everybody may read the model's folder and its files",
  why: "The server runs as a user of the image, whose number here is not known; that user must be able to read them.",
  source: "the manual, step two: `docker exec -u ma-user`",
  check: (host) => {
    const { model } = host.wanted;
    if (model === undefined || lacksModel(host)) return noModel;
    if (model.user === "root") return ok("the server runs as root");
    return seeing(listed(host, "folders"), (folders) =>
      seeing(listed(host, "weights"), (files) => {
        const closed = [
          ...folders.filter(({ others }) => !/[xt]$/.test(others)),
          ...folders.filter(({ name, others }) => name === model.path && !others.startsWith("r")),
          ...files
            .filter(({ others }) => !others.startsWith("r"))
            .map((file) => ({ ...file, name: `${model.path}/${file.name}` })),
        ];
        const [first] = closed;
        if (first === undefined) return ok(`for ${model.user} too`);
        const seen = `${first.name} is ${first.mode} of user ${first.owner}: ${model.user} may not be allowed to read it`;
        return failed(
          seen,
          `\`chmod -R o+rX ${model.path}\` ${on(host)}, and of the folders above it \`chmod o+x\``,
        );
      }),
    );
  },
};

interface Listed {
  readonly mode: string;
  /** The mode's last three letters. */
  readonly others: string;
  readonly owner: string;
  readonly name: string;
}

/** Rows of `ls -ln`. A file that went away meanwhile is a row that is no row. */
function listed(host: HostFacts, section: string): Reading<readonly Listed[]> {
  return through(host.said(section), (output) => {
    const rows = linesOf(output).flatMap((line): Listed[] => {
      const [, mode, others, owner, rest] =
        /^([-dl][-rwxsStT]{6}([-rwxtT]{3}))\S*\s+\d+\s+(\d+)\s+\d+\s+\d+\s+(.*)$/.exec(line) ?? [];
      const name = rest?.replace(/^\S+\s+\S+\s+\S+\s/, "");
      if (mode === undefined || others === undefined || owner === undefined || !name) return [];
      return [{ mode, others, owner, name }];
    });
    return rows.length > 0 || /^total 0$/m.test(output) ? { value: rows } : unreadable(output);
  });
}

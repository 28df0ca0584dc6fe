import {
  boolean,
  byName,
  listOf,
  maybe,
  number,
  object,
  openObject,
  or,
  type Read,
  type Reader,
  text,
} from "./shape.ts";

/*
 * The answers of a Docker Engine that anything here goes by, checked. What must be there is what every engine says and a
 * verdict hangs on; all else may be missing, as in engines that only resemble Docker, and then stands for nothing. What
 * is there must be of its kind.
 */

const maybeText = or("", text);
const texts = listOf(text);
const textByName = byName(text);

/** What a container has from its image, unless it says otherwise. */
const fromImage = {
  Env: texts,
  Labels: textByName,
  User: maybeText,
  WorkingDir: maybeText,
  Entrypoint: texts,
};

/** `GET /containers/<id>/json` */
const container = object({
  Id: text,
  /** With a slash before it. */
  Name: text,
  /** Id of the image that it runs. */
  Image: text,
  RestartCount: or(0, number),
  State: object({
    Status: text,
    Running: or(false, boolean),
    ExitCode: or(0, number),
    Error: maybeText,
    OOMKilled: or(false, boolean),
    StartedAt: maybeText,
  }),
  Config: object({ ...fromImage, Image: text, Cmd: texts, StopTimeout: maybe(number) }),
  HostConfig: openObject({
    NetworkMode: maybeText,
    RestartPolicy: or({ Name: "" }, object({ Name: maybeText })),
    Runtime: maybeText,
    Privileged: or(false, boolean),
    LogConfig: or({ Type: "", Config: {} }, object({ Type: maybeText, Config: textByName })),
    CapDrop: texts,
    SecurityOpt: texts,
    Devices: listOf(object({ PathOnHost: text, PathInContainer: maybeText, CgroupPermissions: maybeText })),
    DeviceCgroupRules: texts,
    DeviceRequests: listOf(object({ Driver: maybeText, Count: or(0, number), DeviceIDs: texts })),
    Annotations: textByName,
  }),
  Mounts: listOf(object({ Type: text, Name: maybeText, Source: maybeText, Destination: text, RW: boolean })),
});
export type Container = Read<typeof container>;

/** `GET /images/<name or id>/json` */
const image = object({
  Id: text,
  Architecture: maybeText,
  Config: maybe(object({ ...fromImage, Volumes: byName((value) => value) })),
});
export type Image = Read<typeof image>;

/** `GET /containers/json?all=1` */
const listed = object({ Id: text, Names: texts, Image: maybeText, Labels: textByName, State: text });
export type ListedContainer = Read<typeof listed>;

/** `GET /version` */
const version = object({
  Version: text,
  ApiVersion: text,
  Arch: text,
  /** What the engine consists of, by which one that only resembles Docker is told. */
  Components: listOf(object({ Name: maybeText })),
});
export type EngineVersion = Read<typeof version>;

/** `GET /info` */
const info = object({ DockerRootDir: text, SecurityOptions: texts });
export type EngineInfo = Read<typeof info>;

export const nameOf = ({ Name }: Pick<Container, "Name">): string => Name.replace(/^\//, "");

/** Each reads a body; throws an Error that says where it is not as Docker says it. */
export const readContainer = reader(container, "the container");
export const readImage = reader(image, "the image");
export const readList = reader(listOf(listed), "the list of containers");
/** For messages: `Docker Engine 28.0`, or `Podman 5.4.0`. */
export const engineName = ({ Version, Components }: EngineVersion): string =>
  `${Components.some(({ Name }) => /podman/i.test(Name)) ? "Podman" : "Docker Engine"} ${Version}`;

export const readVersion = reader(version, "the version");
export const readInfo = reader(info, "the information");

function reader<T>(read: Reader<T>, what: string): (body: string) => T {
  return (body) => read(parsed(body, what), what);
}

function parsed(body: string, what: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new Error(`${what} is no JSON`);
  }
}

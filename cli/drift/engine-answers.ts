import { z } from "zod";

/*
 * The parts of the Docker Engine's answers that drift is found in. Docker leaves out, or says null, where a list or an
 * object is empty.
 */

const texts = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? []);
const textByName = z
  .record(z.string(), z.string())
  .nullish()
  .transform((record) => record ?? {});
const listOf = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((list) => list ?? []);

/** What a container has from its image, unless it says otherwise. */
const fromImage = {
  Env: texts,
  Labels: textByName,
  User: z.string().default(""),
  WorkingDir: z.string().default(""),
  Entrypoint: texts,
};

/** `GET /containers/<id>/json` */
const Container = z.object({
  Id: z.string(),
  /** With a slash before it. */
  Name: z.string(),
  /** Id of the image that it runs. */
  Image: z.string(),
  State: z.object({ Status: z.string(), ExitCode: z.number() }),
  Config: z.object({ ...fromImage, Image: z.string(), Cmd: texts, StopTimeout: z.number().nullish() }),
  HostConfig: z.looseObject({
    NetworkMode: z.string(),
    RestartPolicy: z.object({ Name: z.string() }),
    Runtime: z.string().nullish(),
    LogConfig: z.object({ Type: z.string(), Config: textByName }),
    CapDrop: texts,
    SecurityOpt: texts,
    Devices: listOf(
      z.object({ PathOnHost: z.string(), PathInContainer: z.string(), CgroupPermissions: z.string() }),
    ),
  }),
  Mounts: listOf(
    z.object({ Type: z.string(), Source: z.string().default(""), Destination: z.string(), RW: z.boolean() }),
  ),
});
export type Container = z.infer<typeof Container>;

/** `GET /images/<name or id>/json` */
const Image = z.object({
  Id: z.string(),
  Config: z
    .object({ ...fromImage, Volumes: z.record(z.string(), z.unknown()).nullish() })
    .nullish()
    .transform((config) => config ?? undefined),
});
export type Image = z.infer<typeof Image>;

/** `GET /containers/json?all=1` */
const ListEntry = z.object({
  Id: z.string(),
  Names: texts,
  Labels: textByName,
  State: z.string(),
});
export type ListEntry = z.infer<typeof ListEntry>;

export const nameOf = ({ Name }: Container): string => Name.replace(/^\//, "");

/** Whether a container in this state has its devices. */
export const isAlive = (status: string): boolean => ["running", "paused", "restarting"].includes(status);

/** Each reads a body; throws an Error that says that it is none of these. */
export const readContainer = reader(Container, "container");
export const readImage = reader(Image, "image");
export const readList = reader(z.array(ListEntry), "list of containers");

function reader<T extends z.ZodType>(schema: T, what: string): (body: string) => z.infer<T> {
  return (body) => {
    let value: unknown;
    try {
      value = JSON.parse(body);
    } catch {
      throw new Error(`the answer is no ${what}: it is no JSON`);
    }
    const { data, error } = schema.safeParse(value);
    if (error === undefined) return data;
    throw new Error(`the answer is no ${what}: ${error.issues[0]?.path.join(".")} is not as Docker says it`);
  };
}

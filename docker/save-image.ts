import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { FixableError } from "../problems/fixable-error.ts";
import { connection, type EngineAddress, hostOf } from "./api.ts";
import { request } from "./http.ts";

/** Writes an image of an engine to `file`, as `docker load` takes it. */
export async function saveImage(engine: EngineAddress, image: string, file: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const call = request({ ...connection(engine), path: `/images/${image}/get` }, (answer) => {
      if (answer.statusCode === 200) pipeline(answer, createWriteStream(file)).then(resolve, reject);
      else answer.resume().on("end", () => reject(new Error(`it answers ${answer.statusCode}`)));
    });
    call.on("error", reject).end();
  }).catch(({ message }: Error) => {
    throw new FixableError(
      `The Docker Engine at ${hostOf(engine)} does not hand out ${image}: ${message}`,
      "see that the connection holds and that there is room on the disk; then do it again",
    );
  });
}

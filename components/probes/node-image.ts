import { ensureNodeImage } from "../../toolchain/node-image.ts";
import { putImage } from "./put-image.ts";

await putImage("node-image", async (context, engine) => (await ensureNodeImage(context, engine)).choice);

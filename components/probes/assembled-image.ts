import { ensureVllmImage } from "../../toolchain/vllm/image.ts";
import { putImage } from "./put-image.ts";

await putImage("assembled-image", ensureVllmImage);

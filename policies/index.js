// Plain JavaScript, because Pulumi compiles a policy pack that starts in TypeScript with ts-node, which knows neither
// `.ts` in import paths nor this project's settings; from here Node runs the TypeScript itself.
import "./pack.ts";

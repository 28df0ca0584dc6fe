import { CELLS } from "./cells.ts";
import { proves } from "./proves.ts";

proves(CELLS.filter(({ fault }) => fault.group === "processes"));

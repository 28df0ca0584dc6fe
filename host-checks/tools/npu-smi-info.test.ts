import fc from "fast-check";
import { expect, test } from "vitest";
import { type Shape, shapes } from "../testing/npu-smi-tables.ts";
import { a2Info, a3Info } from "../testing/sample-outputs.ts";
import { generationOf } from "./generations.ts";
import { healthOf, type NpuDevice, type NpuInfo, readNpuInfo } from "./npu-smi-info.ts";

const shown = ({ id, npu, chip, name, health, memory }: NpuDevice): string =>
  `${id ?? "-"} ${npu}/${chip} ${name} ${health} ${memory ? `${memory.usedMb}/${memory.totalMb}` : "-"}`;

function read(output: string): NpuInfo {
  const reading = readNpuInfo(output);
  if ("unreadable" in reading) throw new Error(reading.unreadable);
  return reading.value;
}

function summary({ devices, processes }: NpuInfo) {
  return {
    devices: devices.map(shown),
    processes: processes?.map(
      ({ npu, chip, pid, name, memoryMb }) => `${npu}/${chip ?? "-"} ${pid} ${name} ${memoryMb}`,
    ),
  };
}

const changes: readonly [string, (output: string) => string][] = [
  ["as it is", (output) => output],
  ["with line ends of Windows", (output) => output.replaceAll("\n", "\r\n")],
  ["with blanks around", (output) => output.replaceAll(/^|$/gm, "  ")],
  ["with bars that a font draws", (output) => output.replaceAll("|", "│")],
  ["in colours", (output) => output.replaceAll("OK", "\u001b[32mOK\u001b[0m")],
  ["twice as wide", (output) => output.replaceAll("  ", "    ")],
  ["with tabs", (output) => output.replaceAll("  ", "\t")],
  ["below the driver's chatter", (output) => `DrvMngGetConsoleLogLevel failed. (g_conLogLevel=3)\n${output}`],
];

test.each(shapes.flatMap((shape) => changes.map(([how, change]) => ({ ...shape, how, change }))))(
  "$shape is read $how.",
  ({ output, change, devices, processes, generation }: Shape & { change: (output: string) => string }) => {
    const info = read(change(output));

    expect(summary(info)).toEqual({ devices, processes });
    expect(info).toMatchObject({ oddDevices: [], oddProcesses: [] });
    expect(generationOf(info.devices[0]?.name ?? "")?.name).toBe(generation);
  },
);

test("A row that does not fit hides no other, and is kept in its own words.", () => {
  const { devices, oddDevices } = read(a2Info.replace("| 4     910B3 ", "| 4?    ????? "));

  expect(devices.map(shown)).toEqual(["5 5/0 910B3 OK 60156/65536"]);
  expect(oddDevices[0]).toMatch(/^\| 4\? {4}\?{5} .*\| Warning /);
});

test("Of a card whose own row does not fit, its health is read all the same.", () => {
  const { devices, oddDevices } = read(a2Info.replace("| 0000:01:00.0  |", "| (garbled)     |"));

  expect(devices.map(shown)).toEqual(["4 4/0 910B3 Warning -", "5 5/0 910B3 OK 60156/65536"]);
  expect(oddDevices).toEqual([expect.stringContaining("(garbled)")]);
});

test("Of an A3 card whose own row is lost, no number is guessed at.", () => {
  const { devices } = read(a3Info.replace(/^\| 0 {5}4 .*\n/m, ""));

  expect(devices[0]).toMatchObject({ id: undefined, npu: 2, health: "OK" });
});

test("A garbled process is told with its card, and the other ones stay.", () => {
  const output = a3Info.replace("824166", "82?166");

  expect(read(output)).toMatchObject({
    processes: [{ npu: 2, chip: 1, pid: 845053 }],
    oddProcesses: [{ npu: 2, row: expect.stringContaining("82?166") }],
  });
});

test("What is no table of NPUs is quoted by its first row below the banner.", () => {
  const output = "| npu-smi 30.0    Version: 30.0 |\n+---+\n| Accelerator | State |\n| 0 | fine |\n";

  expect(readNpuInfo(output)).toEqual({ unreadable: 'it printed "| Accelerator | State |"' });
});

test.each([
  ["OK", "ok"],
  ["Warning", "warning"],
  ["Alarm", "fault"],
  ["Critical", "fault"],
  ["UNKNOWN", "fault"],
  ["NA", "untold"],
  ["-", "untold"],
  ["正常", "warning"],
])("A health of %s is judged as %s.", (health, verdict) => {
  const [device] = read(a2Info.replace("| Warning       |", `| ${health} |`)).devices;

  expect(device && healthOf(device)).toBe(verdict);
});

test("A table that ends anywhere has no device that the whole one has not, and every row above its end.", () => {
  fc.assert(
    fc.property(fc.constantFrom(...shapes), fc.nat(4000), ({ output }, length) => {
      const torn = output.slice(0, length);
      const reading = readNpuInfo(torn);
      if ("unreadable" in reading) return;

      const whole = read(output).devices.map(({ npu, name, health }) => `${npu} ${name} ${health}`);
      const found = reading.value.devices.map(({ npu, name, health }) => `${npu} ${name} ${health}`);
      expect(whole.slice(0, found.length)).toEqual(found);
      const closed = torn
        .split("\n")
        .filter((line) => /^\| *\d+.*(OK|Alarm|Warning|Critical|NA) +\|.*\|$/.test(line));
      const cards = closed.filter((line) => / (OK|Alarm|Warning|Critical) +\|/.test(line));
      expect(found.length).toBeGreaterThanOrEqual(cards.length);
    }),
    { numRuns: 2000 },
  );
});

test("A character that was changed anywhere costs the rows that it stands in, and no others.", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...shapes),
      fc.nat(3000),
      fc.string({ maxLength: 1 }),
      ({ output }, at, put) => {
        const header = output.lastIndexOf("Bus-Id");
        const place = header + (at % (output.length - header));
        const reading = readNpuInfo(output.slice(0, place) + put + output.slice(place + 1));

        const before = read(output).devices.length;
        expect("value" in reading ? reading.value.devices.length : before - 1).toBeGreaterThanOrEqual(
          before - 1,
        );
      },
    ),
    { numRuns: 2000 },
  );
});

test("A process has the id of the first column of ids, however the header of another is misprinted.", () => {
  const output = a3Info.replace("Process id in container", "Process id! in container");

  expect(output).not.toBe(a3Info);
  expect(readNpuInfo(output)).toEqual(readNpuInfo(a3Info));
});

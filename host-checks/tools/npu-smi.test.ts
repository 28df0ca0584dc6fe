import { expect, test } from "vitest";
import { a2Info, a3Info, board, cardList, chipMap, health } from "../testing/sample-outputs.ts";
import { readNpuInfo } from "./npu-smi-info.ts";
import { readBoard, readCards, readChips, readHealth } from "./npu-smi-lists.ts";

test("On A2, an NPU's number is that of its device node.", () => {
  expect(readNpuInfo(a2Info)).toEqual({
    value: {
      layout: "A2",
      devices: [
        { id: 4, npu: 4, chip: 0, name: "910B3", health: "Warning", hbm: { usedMb: 3402, totalMb: 65536 } },
        { id: 5, npu: 5, chip: 0, name: "910B3", health: "OK", hbm: { usedMb: 60156, totalMb: 65536 } },
      ],
      processes: [{ npu: 5, chip: 0, pid: 2290156, name: "VLLMEngineCore", memoryMb: 56630 }],
    },
  });
});

test("On A3, a die's physical id is that of its device node, if it has one.", () => {
  expect(readNpuInfo(a3Info)).toEqual({
    value: {
      layout: "A3",
      devices: [
        { id: 4, npu: 2, chip: 0, name: "Ascend910", health: "OK", hbm: { usedMb: 62449, totalMb: 65536 } },
        {
          id: undefined,
          npu: 2,
          chip: 1,
          name: "Ascend910",
          health: "Alarm",
          hbm: { usedMb: 62498, totalMb: 65536 },
        },
      ],
      processes: [
        { npu: 2, chip: 0, pid: 824166, name: "VLLMWorker_TP", memoryMb: 59316 },
        { npu: 2, chip: 1, pid: 845053, name: "VLLMWorker_TP", memoryMb: 59656 },
      ],
    },
  });
});

test("A release without a table of processes says nothing of them.", () => {
  const devicesAlone = a2Info.slice(0, a2Info.indexOf("| NPU     Chip"));

  expect(readNpuInfo(devicesAlone)).toMatchObject({ value: { processes: undefined } });
});

const failed =
  "DrvMngGetConsoleLogLevel failed. (g_conLogLevel=3)\ndcmi module initialize failed. ret is -8005\n";

test.each([
  ["of a card that another container has", failed, /"dcmi module initialize failed\. ret is -8005"$/],
  ["of nothing", "", /^it printed nothing$/],
  ["cut off between the rows of a card", a2Info.slice(0, a2Info.indexOf("| 0     ")), /npu-smi/],
  ["with half a card", a2Info.replace(/^\| 0 .*\n/m, ""), /npu-smi/],
  ["cut off before the last card's processes", a2Info.slice(0, a2Info.indexOf("| 5       0")), /npu-smi/],
  ["with a garbled process", a2Info.replace("2290156", "22?0156"), /npu-smi/],
  [
    "of a layout that is not known",
    a2Info.replace("| NPU   Name  ", "| NPU ID | Name").replace("| Chip      ", "|        |  "),
    /npu-smi/,
  ],
])("Output %s is unreadable, not empty.", (_, output, reason) => {
  expect(readNpuInfo(output)).toEqual({ unreadable: expect.stringMatching(reason) });
});

test("The cards of a host are listed with their chips, all of them or none.", () => {
  expect(readCards(cardList)).toEqual({
    value: [
      { npu: 0, chips: 2 },
      { npu: 1, chips: 2 },
    ],
  });
  expect(readCards(cardList.slice(0, -40))).toHaveProperty("unreadable");
});

test("Chips have the ids that programs use; a controller has none and is left out.", () => {
  expect(readChips(chipMap)).toEqual({
    value: [
      { npu: 0, chip: 0, logicId: 0, physicalId: undefined, name: "Ascend 910B3" },
      { npu: 1, chip: 0, logicId: 1, physicalId: undefined, name: "Ascend 910B3" },
    ],
  });
});

test("A release that prints physical ids tells them too.", () => {
  const output = "NPU ID  Chip ID  Chip Logic ID  Chip Phy-ID  Chip Name\n0 0 0 4 Ascend910\n0 2 - - Mcu\n";

  expect(readChips(output)).toEqual({
    value: [{ npu: 0, chip: 0, logicId: 0, physicalId: 4, name: "Ascend910" }],
  });
});

test("A board tells the versions of driver and firmware, and whether they fit.", () => {
  const value = { software: "23.0.5", firmware: "7.1.0.7.220", compatibility: "OK" };

  expect(readBoard(board)).toEqual({ value });
  expect(readBoard("npu get board type failed. ret is -9005\n")).toEqual({
    unreadable: 'it printed "npu get board type failed. ret is -9005"',
  });
});

test("A chip's health comes with its error code, if it has one.", () => {
  expect(readHealth(health)).toEqual({ value: { status: "OK", errorCode: undefined } });
  expect(readHealth("Health Status : Alarm\nError Code : 80E01801\n")).toEqual({
    value: { status: "Alarm", errorCode: "80E01801" },
  });
});

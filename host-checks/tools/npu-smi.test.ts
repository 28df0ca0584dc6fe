import { expect, test } from "vitest";
import { board, cardList, chipMap, health } from "../testing/sample-outputs.ts";
import { readNpuInfo } from "./npu-smi-info.ts";
import { readBoard, readCards, readChips, readHealth } from "./npu-smi-lists.ts";

const failed =
  "DrvMngGetConsoleLogLevel failed. (g_conLogLevel=3)\ndcmi module initialize failed. ret is -8005\n";

test.each([
  [
    "of a card that another container has",
    failed,
    'it printed "dcmi module initialize failed. ret is -8005"',
  ],
  ["of nothing", "", "it printed nothing"],
])("Output %s is unreadable, not empty.", (_, output, unreadable) => {
  expect(readNpuInfo(output)).toEqual({ unreadable });
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

test("An Ascend 950 has slots, and chips without logic ids.", () => {
  const output =
    "NPU ID   Slot ID   Chip ID   Chip Phy-ID   Chip Name\n3  1  0  3  Ascend950PR\n3  1  1  -  Mcu\n";

  expect(readChips(output)).toEqual({
    value: [{ npu: 3, chip: 0, logicId: undefined, physicalId: 3, name: "Ascend950PR" }],
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

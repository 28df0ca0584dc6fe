/**
 * What `npu-smi info` prints, in every shape that public reports show; figures and rows are of this file's own making.
 * Of each: where its shape was seen, and what a reader must find.
 */
export interface Shape {
  readonly shape: string;
  readonly output: string;
  /** `id npu/chip name health used/total`, `-` where it is not told. */
  readonly devices: readonly string[];
  /** `npu/chip pid name memory` */
  readonly processes?: readonly string[];
  readonly generation?: string;
}

const table = (...lines: readonly string[]): string => `${lines.join("\n")}\n`;

const a2Head = [
  "+------------------------------------------------------------------------------------------------+",
  "| npu-smi 24.1.0                   Version: 24.1.0                                               |",
  "+---------------------------+---------------+----------------------------------------------------+",
  "| NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|",
  "| Chip                      | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |",
  "+===========================+===============+====================================================+",
];
const a2Rule = a2Head[5] ?? "";
const a2Processes = [
  "+---------------------------+---------------+----------------------------------------------------+",
  "| NPU     Chip              | Process id    | Process name             | Process memory(MB)      |",
  a2Rule,
];
const a3Head = [
  ...a2Head.slice(0, 4),
  "| Chip  Phy-ID              | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |",
  a2Rule,
];
const a3Dies =
  "+------------------------------------------------------------------------------------------------+";

const wideRule =
  "+===========================+===============+======================================================================+";
const inferenceHead = [
  "+--------------------------------------------------------------------------------------------------------+",
  "| npu-smi 25.2.0                                   Version: 25.2.0                                       |",
  "+-------------------------------+-----------------+------------------------------------------------------+",
  "| NPU     Name                  | Health          | Power(W)     Temp(C)           Hugepages-Usage(page) |",
  "| Chip    Device                | Bus-Id          | AICore(%)    Memory-Usage(MB)                        |",
  "+===============================+=================+======================================================+",
];
const inferenceRule = inferenceHead[5] ?? "";

export const shapes: readonly Shape[] = [
  {
    // vllm-project/vllm-ascend, issue 5707; gpustack/llama-box, issue 31.
    shape: "A2 with idle cards and a busy one",
    output: table(
      ...a2Head,
      "| 0     910B2               | OK            | 99.6        37                0    / 0             |",
      "| 0                         | 0000:C1:00.0  | 0           0    / 0          59891/ 65536         |",
      a2Rule,
      "| 1     910B2               | OK            | 93.4        38                0    / 0             |",
      "| 0                         | 0000:01:00.0  | 0           0    / 0          3401 / 65536         |",
      a2Rule,
      ...a2Processes,
      "| 0       0                 | 2290156       | VLLMEngineCore           | 56630                   |",
      a2Rule,
      "| No running processes found in NPU 1                                                            |",
      a2Rule,
    ),
    devices: ["0 0/0 910B2 OK 59891/65536", "1 1/0 910B2 OK 3401/65536"],
    processes: ["0/0 2290156 VLLMEngineCore 56630"],
    generation: "A2",
  },
  {
    // A report of 910B3 whose processes have no name: those of other users' containers.
    shape: "A2 with a process that has no name",
    output: table(
      ...a2Head,
      "| 2     910B3               | OK            | 91.0        36                0    / 0             |",
      "| 0                         | 0000:41:00.0  | 0           0    / 0          41110/ 65536         |",
      a2Rule,
      ...a2Processes,
      "| 2       0                 | 1333928       |                          | 37709                   |",
      a2Rule,
    ),
    devices: ["2 2/0 910B3 OK 41110/65536"],
    processes: ["2/0 1333928  37709"],
    generation: "A2",
  },
  {
    // youyve/nputop, its test of 910B2C, npu-smi 23.0.2: blanks after the border, no line for an idle card.
    shape: "an A2 of an old release, whose lines end in blanks",
    output: table(
      ...[
        ...a2Head,
        "| 0     910B2C              | OK            | 88.6        51                0    / 0             |",
        "| 0                         | 0000:5A:00.0  | 0           0    / 0          20701/ 65536         |",
        a2Rule,
        ...a2Processes,
        "| 0       0                 | 124528        | python3.8                | 17400                   |",
        a2Rule,
      ].map((line) => `${line} `),
    ),
    devices: ["0 0/0 910B2C OK 20701/65536"],
    processes: ["0/0 124528 python3.8 17400"],
    generation: "A2",
  },
  {
    // gpustack/gpustack, its detector's sample of npu-smi 22.0.3, with the line of the page that it is from below it.
    shape: "a 910A, narrow and without processes",
    output: table(
      "| npu-smi 22.0.3.1                  Version: 22.0.3.1                                       |",
      "+----------------------+---------------+----------------------------------------------------+",
      "| NPU   Name           | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|",
      "| Chip                 | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |",
      "+======================+===============+====================================================+",
      "| 7     910A           | OK            | 191.4       40                15   / 15            |",
      "| 0                    | 0000:3D:00.0  | 0           1866 / 15077      0    / 32768         |",
      "+======================+===============+====================================================+",
      "see the command reference",
    ),
    devices: ["7 7/0 910A OK 0/32768"],
    generation: "910A",
  },
  {
    // vllm-project/vllm-ascend, issue 1047: 910ProB.
    shape: "a 910ProB",
    output: table(
      ...a2Head,
      "| 1     910ProB             | OK            | 75.8        38                0    / 0             |",
      "| 0                         | 0000:81:00.0  | 0           1840 / 15665      8    / 32768         |",
      a2Rule,
    ),
    devices: ["1 1/0 910ProB OK 8/32768"],
    generation: "910A",
  },
  {
    // gpustack/gpustack, its detector's sample of npu-smi 21.0.4: four chips a card, no HBM.
    shape: "a 310 with four chips a card",
    output: table(
      "| npu-smi 21.0.4                       Version: 21.0.4.B030                                          |",
      "+-------------------+-----------------+--------------------------------------------------------------+",
      "| NPU     Name      | Health          | Power(W)          Temp(C)              Hugepages-Usage(page) |",
      "| Chip    Device    | Bus-Id          | AICore(%)         Memory-Usage(MB)                           |",
      "+===================+=================+==============================================================+",
      "| 6       310       | OK              | 12.8              73             0       / 970               |",
      "| 0       3         | 0000:89:00.0    | 0                 2703 / 8192                                |",
      "+-------------------+-----------------+--------------------------------------------------------------+",
      "| 6       310       | Warning         | 12.8              74             0       / 970               |",
      "| 1       4         | 0000:8A:00.0    | 0                 2867 / 8192                                |",
      "+===================+=================+==============================================================+",
    ),
    devices: ["3 6/0 310 OK 2703/8192", "4 6/1 310 Warning 2867/8192"],
    generation: "310",
  },
  {
    // gpustack/gpustack, issue 3296, and ollama/ollama, issue 5315: Device columns; NPU ids that are no node's number.
    shape: "a 310P with large NPU ids",
    output: table(
      ...inferenceHead,
      "| 96      310P3                 | OK              | NA           52                0     / 0             |",
      "| 0       2                     | 0000:04:00.0    | 0            1851 / 21527                            |",
      inferenceRule,
      "| 32768   310P3                 | Alarm           | NA           50                0     / 0             |",
      "| 0       3                     | 0000:81:00.0    | 0            1852 / 21527                            |",
      inferenceRule,
      "+-------------------------------+-----------------+------------------------------------------------------+",
      "| NPU     Chip                  | Process id      | Process name             | Process memory(MB)        |",
      inferenceRule,
      "| No running processes found in NPU 96                                                                   |",
      inferenceRule,
      "| 32768   0                     | 4711            | python3                  | 900                       |",
      inferenceRule,
    ),
    devices: ["2 96/0 310P3 OK 1851/21527", "3 32768/0 310P3 Alarm 1852/21527"],
    processes: ["32768/0 4711 python3 900"],
    generation: "310P",
  },
  {
    // youyve/nputop, its test of a 300I Duo: two chips a card, each a device, of a release that fills hugepages.
    shape: "a 310P with two chips a card",
    output: table(
      ...inferenceHead,
      "| 1       310P3                 | OK              | NA           62                7210  / 7210          |",
      "| 0       0                     | 0000:01:00.0    | 0            16302/ 44280                            |",
      "+-------------------------------+-----------------+------------------------------------------------------+",
      "| 1       310P3                 | OK              | NA           62                7210  / 7210          |",
      "| 1       1                     | 0000:01:00.0    | 0            15543/ 43693                            |",
      inferenceRule,
    ),
    devices: ["0 1/0 310P3 OK 16302/44280", "1 1/1 310P3 OK 15543/43693"],
    generation: "310P",
  },
  {
    // youyve/nputop, its test of a 310B4: no bus.
    shape: "a 310B without a bus",
    output: table(
      ...inferenceHead,
      "| 0       310B4                 | Alarm           | 0.0          65                15    / 15            |",
      "| 0       0                     | NA              | 0            3628 / 15609                            |",
      inferenceRule,
    ),
    devices: ["0 0/0 310B4 Alarm 3628/15609"],
    generation: "310",
  },
  {
    // vllm-project/vllm-ascend, issues 2035 and 2534; ModelEngine-Group/unified-cache-management, issue 748.
    shape: "A3: two dies a card, each a device",
    output: table(
      ...a3Head,
      "| 6     Ascend910           | OK            | 192.1       37                0    / 0             |",
      "| 0     12                  | 0000:85:00.0  | 0           0    / 0          3410 / 65536         |",
      a3Dies,
      "| 6     Ascend910           | OK            | -           36                0    / 0             |",
      "| 1     13                  | 0000:87:00.0  | 0           0    / 0          10568/ 65536         |",
      a2Rule,
      ...a2Processes,
      "| 6       1                 | 990711        | python                   | 7746                    |",
      a2Rule,
    ),
    devices: ["12 6/0 Ascend910 OK 3410/65536", "13 6/1 Ascend910 OK 10568/65536"],
    processes: ["6/1 990711 python 7746"],
    generation: "A3",
  },
  {
    // vllm-project/vllm-ascend, issue 12980 (26.0.rc2), and nyakang/nyaterm, issue 268: wide, one more column.
    shape: "A3 of npu-smi 26, wide",
    output: table(
      "+------------------------------------------------------------------------------------------------------------------+",
      "| npu-smi 26.0.rc2                            Version: 26.0.rc2                                                    |",
      "+---------------------------+---------------+----------------------------------------------------------------------+",
      "| NPU   Name                | Health        | Power(W)             Temp(C)                 Hugepages-Usage(page)   |",
      "| Chip  Phy-ID              | Bus-Id        | AICore(%)            Memory-Usage(MB)        HBM-Usage(MB)           |",
      wideRule,
      "| 7     Ascend910           | OK            | 172.0                53                      0    / 0                |",
      "| 0     14                  | 0000:81:00.0  | 0                    0    / 0                15503/ 65536            |",
      "+------------------------------------------------------------------------------------------------------------------+",
      "| 7     Ascend910           | Critical      | -                    52                      0    / 0                |",
      "| 1     15                  | 0000:83:00.0  | 0                    0    / 0                15242/ 65536            |",
      wideRule,
      "+---------------------------+---------------+----------------------------------------------------------------------+",
      "| NPU     Chip              | Process id    | Process name       | Process memory(MB)    | Process id in container |",
      wideRule,
      "| 7       0                 | 692318        | python3            | 12417                 | NA                      |",
      "| 7       1                 | 692318        | python3            | 12417                 | 101                     |",
      wideRule,
    ),
    devices: ["14 7/0 Ascend910 OK 15503/65536", "15 7/1 Ascend910 Critical 15242/65536"],
    processes: ["7/0 692318 python3 12417", "7/1 692318 python3 12417"],
    generation: "A3",
  },
  {
    // Of a container that has a part of an A3 host (the manual of 25.x, and vllm-ascend, issue 3563): ids and buses NA.
    shape: "A3 seen from a container, with cells that are not told",
    output: table(
      ...a3Head,
      "| 2     Ascend910           | OK            | 159.7       44                0    / 0             |",
      "| 0     4                   | 0000:95:00.0  | 0           0    / 0          3413 / 65536         |",
      a3Dies,
      "| 2     NA                  | NA            | NA          NA                NA   / NA            |",
      "| 1     NA                  | NA            | NA          NA   / NA         NA   / NA            |",
      a2Rule,
    ),
    devices: ["4 2/0 Ascend910 OK 3413/65536", "- 2/1 NA NA -"],
    generation: "A3",
  },
  {
    // youyve/nputop, its test of Ascend950DT, npu-smi of 2026: NPU and name in cells of their own, no chips.
    shape: "Ascend 950",
    output: table(
      "| npu-smi 26.0.1                                            Version: 26.0.1                                  |",
      "+--------+------------------+-----------------+--------------------------------------------------------------+",
      "| NPU ID | Name             | Health          | Power(W)         Temp(C)            Hugepages-Usage(page)    |",
      "|        |                  | Bus-Id          | NPU Util(%)      Memory-Usage(MB)   HBM-Usage(MB)            |",
      "+========+==================+=================+==============================================================+",
      "| 0      | Ascend950DT      | OK              | 100.0            40                 0    / 0                 |",
      "|        |                  | NA              | 20               0    / 0           1024 / 131072            |",
      "+========+==================+=================+==============================================================+",
      "| 3      | Ascend950DT      | Alarm           | 120.0            45                 0    / 0                 |",
      "|        |                  | 0000:01:00.0    | 0                0    / 0           2048 / 131072            |",
      "+========+==================+=================+==============================================================+",
      "| NPU ID | Process id       | Process name    | Process memory(MB)       | Process id in container           |",
      "+========+==================+=================+==============================================================+",
      "| 0      | 1001             | python          | 256                      | NA                                |",
      "+========+==================+=================+==============================================================+",
      "| No running processes found in NPU 3                                                                        |",
      "+========+==================+=================+==============================================================+",
    ),
    devices: ["0 0/0 Ascend950DT OK 1024/131072", "3 3/0 Ascend950DT Alarm 2048/131072"],
    processes: ["0/- 1001 python 256"],
    generation: "Ascend 950",
  },
  {
    // The same with the Slot ID that `npu-smi info -m` has there (SwanHubX/SwanLab, pull request 1719).
    shape: "Ascend 950 with slots",
    output: table(
      "| npu-smi 25.7.rc1                                 Version: 25.7.rc1                                   |",
      "| NPU ID   Slot ID   Name             | Health          | Power(W)         Temp(C)                     |",
      "| Chip ID  Phy-ID                     | Bus-Id          | NPU Util(%)      HBM-Usage(MB)               |",
      "+=====================================+=================+==============================================+",
      "| 1        4         Ascend950PR      | OK              | 100.0            40                          |",
      "| 0        1                          | 0000:02:00.0    | 20               1024 / 114688               |",
      "+=====================================+=================+==============================================+",
    ),
    devices: ["1 1/0 Ascend950PR OK 1024/114688"],
    generation: "Ascend 950",
  },
  {
    // Reports pasted from a terminal of 60 columns: borders are gone, what was left of them stays.
    shape: "lines that a terminal cut off",
    output: table(
      ...[
        ...a2Head,
        "| 4     910B3               | Warning       | 97.1        43                0    / 0             |",
        "| 0                         | 0000:01:00.0  | 0           0    / 0          3402 / 65536         |",
        a2Rule,
        "| 5     910B3               | OK            | 100.8       44                0    / 0             |",
        "| 0                         | 0000:02:00.0  | 12          0    / 0          60156/ 65536         |",
        a2Rule,
      ].map((line) => line.slice(0, 60)),
    ),
    devices: ["4 4/0 910B3 Warning -", "5 5/0 910B3 OK -"],
    generation: "A2",
  },
];

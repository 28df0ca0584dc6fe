import type { StateWord } from "../snapshot.ts";

const en = {
  locale: "en",
  other: "中文",
  prefill: "Prefill",
  decode: "Decode",
  ready: "ready",
  "not ready": "not ready",
  stopping: "stopping",
  unhealthy: "unhealthy",
  stalled: "stalled",
  broken: "failing",
  unproven: "unproven",
  draining: "draining",
  drained: "drained",
  leaving: "leaving",
  inFlight: "In flight",
  requests: "Requests",
  events: "Tokens streamed",
  handoffs: "Handoffs",
  ttft: "TTFT",
  tpot: "TPOT",
  kvHeld: "KV caches held",
  kvFreed: "KV not fetched",
  failed: "failed",
  released: "released",
  expired: "expired",
  perSecond: "/s",
  running: "Running",
  runs: "Run",
  queue: "Queue",
  kv: "KV",
  kvUse: "KV use",
  instance: "Instance",
  address: "Address",
  npus: "NPUs",
  npu: "NPU",
  noNpus: "none told",
  free: "free",
  ofScheduler: "Requests of this scheduler",
  served: "Served",
  failures: "Failed",
  kvOfIt: "KV held, released, expired",
  quarantined: "Fails canaries with",
  transferShare: "Prompts from prefill",
  computesPrompts: "computes prompts itself",
  trial: "Probe (one token)",
  noTrial: "not needed so far",
  works: "answered",
  worksNot: "not answered",
  lastErrors: "Last errors",
  none: "none",
  takesFrom: "Takes over from",
  handsTo: "Hands over to",
  events_: "What happened last",
  noEvents: "Nothing to tell: no error, no change.",
  noHandoffs: "No handoff in the last seconds.",
  live: "live",
  late: "no news for",
  since: "up for",
  connecting: "connecting …",
  gone: "The connection is lost; the page tries again by itself.",
  what: {} as Readonly<Record<string, string>>,
  get: (ready: number, all: number) => `${ready} of ${all} get requests`,
  becomes: (name: string, state: string) => `${name} is ${state}`,
  scheduler: (state: string) => `the scheduler is ${state}`,
  more: (count: number) => `and ${count} more`,
  note: "Means of the last 5 seconds. A tick of the curves is a second, their width two minutes. This page changes nothing.",
};

export type Words = typeof en;

const zh: Words = {
  locale: "zh-CN",
  other: "English",
  prefill: "预填充 Prefill",
  decode: "解码 Decode",
  ready: "就绪",
  "not ready": "未就绪",
  stopping: "正在停止",
  unhealthy: "异常",
  stalled: "停滞",
  broken: "频繁失败",
  unproven: "未验证",
  draining: "排空中",
  drained: "已排空",
  leaving: "退出中",
  inFlight: "处理中",
  requests: "请求",
  events: "流式词元",
  handoffs: "KV 交接",
  ttft: "首词元延迟 TTFT",
  tpot: "每词元延迟 TPOT",
  kvHeld: "保留的 KV 缓存",
  kvFreed: "未取走的 KV",
  failed: "失败",
  released: "已释放",
  expired: "已过期",
  perSecond: "/秒",
  running: "运行",
  runs: "运行",
  queue: "排队",
  kv: "KV",
  kvUse: "KV 占用",
  instance: "实例",
  address: "地址",
  npus: "NPU",
  npu: "NPU",
  noNpus: "未提供",
  free: "空闲",
  ofScheduler: "本调度器的请求",
  served: "已完成",
  failures: "失败",
  kvOfIt: "KV 保留、释放、过期",
  quarantined: "金丝雀验证失败于",
  transferShare: "来自预填充的提示词",
  computesPrompts: "自行计算提示词",
  trial: "探测（一个词元）",
  noTrial: "尚未需要",
  works: "有应答",
  worksNot: "无应答",
  lastErrors: "最近的错误",
  none: "无",
  takesFrom: "接收自",
  handsTo: "交接给",
  events_: "最近发生的事",
  noEvents: "没有错误，也没有变化。",
  noHandoffs: "最近几秒没有交接。",
  live: "实时",
  late: "无更新已",
  since: "已运行",
  connecting: "连接中……",
  gone: "连接已断开，页面会自动重试。",
  what: {
    healthy: "恢复正常",
    unhealthy: "异常",
    stalled: "停滞",
    broken: "频繁失败",
    unproven: "未通过验证",
    proven: "已通过验证",
    quarantined: "配对已隔离",
    "serves again": "配对恢复",
    "works again": "恢复工作",
    draining: "开始排空",
    joining: "重新加入",
    leaving: "退出中",
    left: "已退出",
    reloaded: "已重新加载",
    "not reloaded": "重新加载失败",
    "computes prompts": "自行计算提示词",
    "fetches prompts": "恢复从预填充获取",
    "worker died": "工作线程终止",
    renamed: "已改名",
    routing: "路由",
  },
  get: (ready, all) => `${all} 个中 ${ready} 个接收请求`,
  becomes: (name, state) => `${name}：${state}`,
  scheduler: (state) => `调度器：${state}`,
  more: (count) => `另有 ${count} 条`,
  note: "数值为最近 5 秒的平均值；曲线每点一秒，共两分钟。本页只读，不做任何更改。",
};

const KEPT_AS = "ascend-pd-language";

/** As chosen before, else as the browser is. */
export function wordsOfVisitor(): Words {
  return (kept() ?? navigator.language).startsWith("zh") ? zh : en;
}

export function otherWords(words: Words): Words {
  const other = words === en ? zh : en;
  try {
    localStorage.setItem(KEPT_AS, other.locale);
  } catch {
    // A browser that keeps nothing asks again.
  }
  return other;
}

function kept(): string | null {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}

export type Tone = "good" | "warn" | "bad" | "rest";

export const TONES: Readonly<Record<StateWord, Tone>> = {
  ready: "good",
  unhealthy: "bad",
  stalled: "bad",
  broken: "bad",
  unproven: "bad",
  draining: "warn",
  drained: "rest",
  leaving: "warn",
};

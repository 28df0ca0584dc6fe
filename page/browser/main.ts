import { HISTORY_MS } from "../feed.ts";
import { type Point, pointOf, type Snapshot, type Trouble } from "../snapshot.ts";
import { type PageView, pageView } from "./view.ts";
import { type Words, wordsOfVisitor } from "./words.ts";

/** A browser that was refused does not come again by itself. */
const AGAIN_MS = 3000;

let view: PageView | undefined;
let snapshot: Snapshot | undefined;
let history: readonly Point[] = [];
let trouble: Trouble | undefined;
let heardAt: number | undefined;
let source: EventSource | undefined;
let again: ReturnType<typeof setTimeout> | undefined;

function mount(words: Words): void {
  view?.close();
  document.documentElement.lang = words.locale;
  view = pageView(words, mount);
  document.body.replaceChildren(view.node);
  show();
}

function show(): void {
  if (snapshot !== undefined) view?.show(snapshot, history);
  tell();
}

function tell(): void {
  view?.tell(heardAt === undefined ? undefined : performance.now() - heardAt, trouble);
}

function open(): void {
  clearTimeout(again);
  source?.close();
  source = new EventSource("feed");
  source.addEventListener("history", ({ data }) => {
    const told = JSON.parse(data) as Point[];
    const first = told[0]?.at ?? Number.POSITIVE_INFINITY;
    // What was seen before a connection was lost is still true.
    history = [...history.filter(({ at }) => at < first), ...told];
  });
  source.addEventListener("snapshot", ({ data }) => {
    snapshot = JSON.parse(data) as Snapshot;
    trouble = undefined;
    heardAt = performance.now();
    const { at } = snapshot;
    if (history.at(-1)?.at !== at)
      history = [...history.filter((one) => one.at > at - HISTORY_MS && one.at < at), pointOf(snapshot)];
    show();
  });
  source.addEventListener("trouble", ({ data }) => {
    trouble = JSON.parse(data) as Trouble;
    tell();
  });
  source.addEventListener("error", () => {
    if (source?.readyState === EventSource.CLOSED) again = setTimeout(open, AGAIN_MS);
  });
}

// A page that nobody sees costs nobody anything.
function follow(): void {
  if (document.visibilityState === "visible") open();
  else {
    clearTimeout(again);
    source?.close();
  }
}

document.addEventListener("visibilitychange", follow);
setInterval(tell, 1000);
mount(wordsOfVisitor());
follow();

/*
 * In what the simulator answers otherwise than the vLLM that was recorded, on purpose, and why.
 */

const NO_LOGPROBS = "nothing here has probabilities; refused, which is better than answered without them";
const NO_IDS = "its tokens are texts";
const NO_TOOLS = "it answers a forced tool with text";
const OWN_CONNECTOR =
  "its transfer parameters are its own, so that it sees whether each came back as it was handed out";

/** By the names of what is asked: whatever is different there. */
export const REQUESTS: Readonly<Record<string, string>> = {
  echo: "refused, which is better than answered without it",
  "stream of echo": "refused, which is better than answered without it",
  logprobs: NO_LOGPROBS,
  prompt_logprobs: NO_LOGPROBS,
  "chat, logprobs": NO_LOGPROBS,
  "stream of logprobs": NO_LOGPROBS,
  "chat, stream of logprobs": NO_LOGPROBS,
  "too great token id": NO_IDS,
  "chat, decode, no token ids": NO_IDS,
  "chat, decode, too great token ids": NO_IDS,
  "stream that fails": NO_IDS,
  stop: "it makes as many tokens as are asked for",
  "chat, tools required": NO_TOOLS,
  "chat, stream of tools required": NO_TOOLS,
  "temperature a little text": "it takes no number that is a text",
  "text in vllm_xargs": "with --kv-check none its core dies of that, as those of older versions",
  "health after the text": "with --kv-check none its core dies of that, as those of older versions",
};

/** By how the difference begins: wherever it is. */
export const EVERYWHERE: Readonly<Record<string, string>> = {
  "kv_transfer_params.": OWN_CONNECTOR,
  "last of a choice event: choices[].delta.content: none": "no token of its is an empty text",
  "labels of vllm:cache_config_info": "it has block_size and num_gpu_blocks, which the scheduler reads",
  "metric vllm:gpu_cache_usage_perc": "the name in vLLM 0, for schedulers that read that one",
};

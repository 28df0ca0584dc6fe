"""Writes a tiny Qwen2 model with random weights: the same files for the same seed and version of vLLM.

    python model.py FOLDER

Its tokenizer is trained on what changes with that version only. Its answers are nonsense, but depend on every token of
the prompt, so that a KV cache that was not fetched right is seen in them.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

SEED = 20
TOKENS = 2048
CONTEXT = 2048
END, START_OF_TURN, END_OF_TURN = "<|endoftext|>", "<|im_start|>", "<|im_end|>"

# As Qwen2.5 has it, in short: tools in the system's turn, calls in <tool_call> tags.
CHAT_TEMPLATE = """\
{%- set system = messages[0]['content'] if messages[0]['role'] == 'system' else 'You help.' -%}
{{- '<|im_start|>system\\n' + system -}}
{%- if tools -%}
{{- '\\n<tools>' -}}
{%- for tool in tools -%}{{- '\\n' + (tool | tojson) -}}{%- endfor -%}
{{- '\\n</tools>\\nCall one as <tool_call>{"name": …, "arguments": …}</tool_call>.' -}}
{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- for message in messages -%}
{%- if not (loop.first and message['role'] == 'system') -%}
{{- '<|im_start|>' + message['role'] + '\\n' -}}
{%- if message['content'] is string -%}{{- message['content'] -}}{%- endif -%}
{%- for call in message.get('tool_calls') or [] -%}
{{- '<tool_call>' + (call['function'] | tojson) + '</tool_call>' -}}
{%- endfor -%}
{{- '<|im_end|>\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""


CHINESE = "预填充与解码分离后每个请求先在一个实例上计算缓存再由另一个实例生成答案并逐字返回给客户端。"


def texts() -> list[str]:
    [vllm] = find_spec("vllm").submodule_search_locations
    sources = [Path(vllm) / name for name in ("envs.py", "sampling_params.py", "engine/arg_utils.py")]
    return [*(source.read_text(encoding="utf-8") for source in sources), CHINESE * 200]


def tokenizer_of(texts: list[str]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENS,
        special_tokens=[END, START_OF_TURN, END_OF_TURN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END_OF_TURN,
        pad_token=END,
        additional_special_tokens=[START_OF_TURN],
        model_max_length=CONTEXT,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def model_of(tokenizer: PreTrainedTokenizerFast) -> Qwen2ForCausalLM:
    torch.manual_seed(SEED)
    config = Qwen2Config(
        vocab_size=TOKENS,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen2ForCausalLM(config).to(torch.float32)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("norm.weight"):
                continue
            # Wide enough that attention picks and the best token is far ahead of the next: rounding decides nothing.
            weight.normal_(0.0, 0.25 if name.startswith("lm_head") else 0.12)
    return model


def main() -> None:
    [folder] = sys.argv[1:]
    tokenizer = tokenizer_of(texts())
    if len(tokenizer) != TOKENS:
        sys.exit(f"The texts give {len(tokenizer)} tokens, not {TOKENS}: give more text")
    model_of(tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


main()

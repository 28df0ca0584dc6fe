"""What Python's clients of the OpenAI and Anthropic APIs get from the server at sys.argv[1], as JSON by the name of what was
asked. Without what differs from answer to answer, ids and times, and without the null of a field that the scheduler takes out."""

import asyncio
import json
import sys

import anthropic
import openai
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

URL = sys.argv[1]
MODEL = "sim"
CHAT = [{"role": "system", "content": "简短。"}, {"role": "user", "content": 'Two\n"lines", 行'}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]
VOLATILE = {"id", "created", "created_at", "completed_at", "system_fingerprint", "request_id", "item_id", "kv_transfer_params"}


def stable(value):
    if hasattr(value, "model_dump"):
        value = value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: stable(item) for key, item in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return [stable(item) for item in value]
    return value


def answer_of(call):
    """What it gives, or how the client tells that the server refused."""
    try:
        return stable(call())
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        return {"raised": type(error).__name__, "status": error.status_code}


def openai_calls():
    client = openai.OpenAI(base_url=f"{URL}/v1", api_key="any", max_retries=0)
    chat, completions, responses = client.chat.completions, client.completions, client.responses
    asked = {"model": MODEL, "messages": CHAT, "max_tokens": 6, "temperature": 0}
    batch = {"model": MODEL, "prompt": ["One", "Two\n二"], "max_tokens": 6, "temperature": 0}
    response = {"model": MODEL, "input": "One", "max_output_tokens": 6, "temperature": 0}

    def by_helper():
        with chat.stream(**asked) as stream:
            return [[event.type, getattr(event, "delta", "")] for event in stream]

    def raw():
        answer = chat.with_raw_response.create(**asked)
        return [answer.status_code, answer.headers["content-type"], stable(answer.parse())]

    return {
        "models": lambda: client.models.list(),
        "chat": lambda: chat.create(**asked),
        "chat, n 2": lambda: chat.create(**{**asked, "n": 2, "temperature": 1, "seed": 3}),
        "chat, logprobs": lambda: chat.create(**asked, logprobs=True, top_logprobs=2),
        "chat, tools": lambda: chat.create(**asked, tools=TOOLS, tool_choice="auto"),
        "chat, stream": lambda: list(chat.create(**asked, stream=True, stream_options={"include_usage": True})),
        "chat, stream by the helper": by_helper,
        "chat, raw": raw,
        "completion": lambda: completions.create(**{**batch, "prompt": "One"}),
        "batch": lambda: completions.create(**batch),
        "batch, stream": lambda: sorted(
            (stable(one) for one in completions.create(**batch, stream=True)), key=lambda one: one["choices"][0]["index"]
        ),
        "response": lambda: responses.create(**response),
        "response, stream": lambda: list(responses.create(**response, stream=True)),
        "another model": lambda: chat.create(**{**asked, "model": "other"}),
        "a value of the wrong type": lambda: chat.create(**{**asked, "temperature": "hot"}),
        "a value out of range": lambda: chat.create(**{**asked, "temperature": -1}),
    }


def anthropic_calls():
    client = anthropic.Anthropic(base_url=URL, api_key="any", max_retries=0)
    asked = {"model": MODEL, "max_tokens": 6, "messages": CHAT[1:], "system": "简短。"}

    def by_helper():
        with client.messages.stream(**asked) as stream:
            return ["".join(stream.text_stream), stable(stream.get_final_message())]

    return {
        "message": lambda: client.messages.create(**asked),
        "message, stream": lambda: list(client.messages.create(**asked, stream=True)),
        "message, stream by the helper": by_helper,
        "tokens of a message": lambda: client.messages.count_tokens(model=MODEL, messages=CHAT[1:], system="简短。"),
        "message, another model": lambda: client.messages.create(**{**asked, "model": "other"}),
    }


def langchain_calls():
    model = ChatOpenAI(base_url=f"{URL}/v1", api_key="any", model=MODEL, max_tokens=6, temperature=0, max_retries=0)
    messages = [SystemMessage(CHAT[0]["content"]), HumanMessage(CHAT[1]["content"])]

    def shown(message):
        return {"content": message.content, "tool_calls": message.tool_calls, "usage": message.usage_metadata}

    return {
        "langchain": lambda: shown(model.invoke(messages)),
        "langchain, batch": lambda: [shown(one) for one in model.batch([messages, "One", "Two"])],
        "langchain, stream": lambda: [one.content for one in model.stream(messages)],
        "langchain, turns": lambda: shown(model.invoke([*messages, AIMessage("Ready."), HumanMessage("And?")])),
    }


async def streams_at_once():
    client = openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="any", max_retries=0)

    async def text(number):
        stream = await client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": f"Number {number}"}],
            max_tokens=20,
            temperature=0,
            stream=True,
        )
        return "".join([one.choices[0].delta.content or "" async for one in stream if one.choices])

    return await asyncio.gather(*(text(number) for number in range(64)))


calls = {
    **openai_calls(),
    **anthropic_calls(),
    **langchain_calls(),
    "64 streams at once": lambda: asyncio.run(streams_at_once()),
}
print(json.dumps({name: answer_of(call) for name, call in calls.items()}))

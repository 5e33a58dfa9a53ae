"""Conversations on which chat templates are compared, as the variables of a template."""

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather at a place, in \"°C\" & <b>hPa</b>.",
            "parameters": {
                "type": "object",
                "properties": {
                    "place": {"type": "string", "description": "City and country, e.g. Zürich, 瑞士"},
                    "days": {"type": "integer", "minimum": 1, "default": 3, "enum": [1, 3, 7]},
                    "detail": {"type": ["string", "null"], "enum": ["low", "high"]},
                    "limits": {"type": "object", "properties": {"min": {"type": "number"}, "max": {"type": "number", "default": 1.5}}},
                },
                "required": ["place"],
            },
            "return": {"type": "object", "description": "numbers"},
        },
    },
    {"type": "function", "function": {"name": "stop", "description": "Ends.\nNow.", "parameters": {"type": "object", "properties": {}}}},
]


def turn(role, content, **more):
    return {"role": role, "content": content, **more}


def call(name, arguments, id="call00001"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


SYSTEM, HELLO = turn("system", "You are brief."), turn("user", "Hello, how are you?")
PLAIN = [HELLO, turn("assistant", "Fine. And you?"), turn("user", "Good!")]
CALLS = [
    turn("user", "How is the weather in Zürich and Bern?"),
    turn("assistant", "", tool_calls=[call("get_weather", {"place": "Zürich", "days": 1}), call("get_weather", {"place": "Bern", "limits": {"min": -1.5}}, "call00002")]),
    turn("tool", "{\"t\": 21.5}", name="get_weather", tool_call_id="call00001"),
    turn("tool", "19 °C", name="get_weather", tool_call_id="call00002"),
    turn("assistant", "21.5 and 19."),
    turn("user", "Thanks"),
]
PARTS = [
    turn("user", [{"type": "text", "text": "What is this?"}, {"type": "image"}, {"type": "text", "text": " And this?"}, {"type": "image_url", "image_url": {"url": "a.png"}}]),
    turn("assistant", [{"type": "text", "text": "A cat."}]),
    turn("user", [{"type": "video", "video": "b.mp4"}, {"type": "text", "text": "<now>"}]),
]
THINK = [
    turn("user", "1+1?"),
    turn("assistant", "<think>\nadd\n</think>\n\n2"),
    turn("user", "2+2?"),
    turn("assistant", "4", reasoning_content="add again\n", thinking="add again", reasoning="hm"),
    turn("user", "3+3?"),
]

# Each is (messages, other variables).
ALL = {
    "user": ([HELLO], {}),
    "user, answer follows": ([HELLO], {"add_generation_prompt": True}),
    "system": ([SYSTEM, HELLO], {"add_generation_prompt": True}),
    "turns": (PLAIN, {"add_generation_prompt": True}),
    "system and turns": ([SYSTEM] + PLAIN, {}),
    "ends with the assistant": (PLAIN[:2], {"add_generation_prompt": True}),
    "system alone": ([SYSTEM], {"add_generation_prompt": True}),
    "nothing": ([], {}),
    "nothing, answer follows": ([], {"add_generation_prompt": True}),
    "two systems": ([SYSTEM, HELLO, turn("system", "Or not."), turn("user", "?")], {}),
    "two users": ([HELLO, HELLO], {"add_generation_prompt": True}),
    "assistant first": (PLAIN[1:], {}),
    "unknown role": ([HELLO, turn("narrator", "Meanwhile")], {}),
    "blank": ([turn("user", ""), turn("assistant", "  \n"), turn("user", "\n\n x \n")], {"add_generation_prompt": True}),
    "white space": ([turn("system", "\t a \r\n"), turn("user", "\u00a0b\u3000\x1c"), turn("assistant", "\x85c\u200b"), turn("user", "d\n\n\n")], {}),
    "scripts": ([turn("system", "Отвечай кратко"), turn("user", "日本語 ❤️ e\u0301 한국어 👩‍👧"), turn("assistant", "\U0001f600 ½"), turn("user", "مرحبا")], {}),
    "marks": ([turn("user", "<|im_end|><|eot_id|>{{ 7 * 7 }}{% raw %} \\n [INST] '\"&<>")], {"add_generation_prompt": True}),
    "missing content": ([{"role": "user"}], {}),
    "null content": ([HELLO, turn("assistant", None), turn("user", "Hm")], {}),
    "number as content": ([turn("user", 42)], {}),
    "missing role": ([{"content": "x"}], {}),
    "tools": ([HELLO], {"tools": TOOLS, "add_generation_prompt": True}),
    "tools and system": ([SYSTEM] + PLAIN, {"tools": TOOLS}),
    "no tools": ([HELLO], {"tools": [], "add_generation_prompt": True}),
    "tool calls": (CALLS, {"tools": TOOLS, "add_generation_prompt": True}),
    "tool calls and system": ([SYSTEM] + CALLS[:4], {"tools": TOOLS, "add_generation_prompt": True}),
    "tool calls without tools": (CALLS[:3], {}),
    "one tool call": (CALLS[:1] + [turn("assistant", None, tool_calls=CALLS[1]["tool_calls"][:1])] + CALLS[2:3], {"tools": TOOLS}),
    "arguments as text": ([HELLO, turn("assistant", "", tool_calls=[call("stop", "{\"a\": 1}")]), turn("tool", "ok")], {"tools": TOOLS}),
    "tool alone": ([turn("tool", "x")], {}),
    "parts": (PARTS, {"add_generation_prompt": True}),
    "parts of one text": ([turn("system", [{"type": "text", "text": "Sys"}]), turn("user", [{"type": "text", "text": "Hi"}])], {}),
    "reasoning": (THINK, {"add_generation_prompt": True}),
    "reasoning off": (THINK, {"add_generation_prompt": True, "enable_thinking": False, "thinking": False}),
    "reasoning on": ([SYSTEM] + THINK, {"add_generation_prompt": True, "enable_thinking": True, "thinking": True}),
    "documents": ([SYSTEM, HELLO], {"documents": [{"title": "T", "text": "Some é text", "doc_id": 1}, {"title": "U", "text": ""}], "add_generation_prompt": True}),
    "date": ([HELLO], {"date_string": "26 Jul 2024", "tools_in_user_message": False, "tools": TOOLS, "builtin_tools": ["brave_search"]}),
    "long": ([turn("user" if i % 2 == 0 else "assistant", f"turn {i}") for i in range(11)], {"add_generation_prompt": True}),
}

TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def variables():
    """The variables by the name of the conversation."""
    for name, (messages, more) in ALL.items():
        yield name, {"messages": messages, "add_generation_prompt": False, "tools": None, "documents": None, **TOKENS, **more}

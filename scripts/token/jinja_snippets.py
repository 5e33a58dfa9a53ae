"""Make internal/token/jinja/testdata/snippets.json: small templates and what Jinja makes of them, one per line as
[template, text] or [template, {"error": …}]. Needs the package jinja2.

    python3 scripts/token/jinja_snippets.py > internal/token/jinja/testdata/snippets.json
"""

import json
import re

from jinja_reference import environment, render

VARIABLES = {
    "s": "Hello, World", "empty": "", "uni": "Ünïcödé ß 日本 😀", "ws": " \t a b  c \n", "multi": "one\ntwo\n\nthree",
    "n": 7, "neg": -3, "zero": 0, "f": 2.5, "t": True, "no": False, "null": None,
    "l": [3, 1, 2], "words": ["b", "A", "c", "a"], "nested": [[1, 2], [3, [4]]], "void": [],
    "d": {"b": 1, "a": 2, "C": {"x": [1, None, True, 1.5, "q'\"<&>"]}}, "items": {"items": 5, "keys": "k", "get": "g"},
    "messages": [
        {"role": "system", "content": "  Be brief. "},
        {"role": "user", "content": "Hi\nthere", "n": 1},
        {"role": "assistant", "content": None, "tool_calls": [{"name": "f", "arguments": {"x": 1, "y": ["é", "<b>"]}}]},
        {"role": "tool", "content": [{"type": "text", "text": "42"}, {"type": "image"}], "n": 3},
    ],
}

EXPRESSIONS = r"""
1
1.0
1.50
1e3
1E-7
1e16
1e15
123456789012345678
0.1 + 0.2
1_000
007
true
True
false
none
None
missing
'a' 'b'
"it's"
'it"s'
'tab\tnl\nq\'s'
"\u00e9\x41\U0001F600"
"\q\z"
'a\\n'
[1, 2, 3]
[1, 2, 3,]
[]
[[], [[]]]
(1, 2)
(1,)
()
(1)
1, 2
{}
{'a': 1, "b": [2]}
{'a': 1, 'a': 2}
{1: 2, 'x': none}
{'k': (1, 'x')}
{'t': true, 'f': 1.0}
['it\'s', "q\"", 'both\'"', 'nl\n', '\\', 'é', '\x00\x7f\u200b\xa0\xad']
n + 1
n - 10
n * 2
n / 2
n // 2
n % 4
neg % 4
neg // 2
n ** 2
2 ** -1
2 ** 3 ** 2
-2 ** 2
-n
+n
- - n
n + 1.5
n // 2.0
n % 2.5
-7 % 3
-7 // 3
7 % -3
7.5 // 2
1 / 3
10 / 5
true + 1
1 + true * 2
'a' + 'b'
'a' ~ 1 ~ none ~ true ~ 1.5
'a' ~ [1] ~ missing
'ab' * 3
3 * 'ab'
'ab' * -1
[1] * 2
[1] + [2]
(1,) + (2,)
[1] + (2,)
'%s is %d' % ('x', 3)
'%s' % 'x'
'%05.2f|%x' % (3.14159, 255)
'a' + 1
1 + 'a'
none + 1
missing + 1
1 / 0
1 // 0
1 % 0
'a' < 'b'
1 < 2 < 3
1 < 2 > 3
1 == 1.0
1 == true
'1' == 1
none == false
[1, 2] == [1, 2]
(1, 2) == [1, 2]
{'a': 1} == {'a': 1.0}
missing == none
missing == missing
1 != 2
'a' in 'abc'
'z' not in 'abc'
1 in [1, 2]
'1' in [1, 2]
'a' in d
'zz' in d
1 in d
none in [none]
1 in 'abc'
'a' in none
'a' in missing
1 < 'a'
none < 1
[1, 2] < [1, 3]
not true
not missing
not 1 == 2
not not 'a'
true and 'x'
false and 'x'
'' or 'y'
0 or none
none or missing
1 and 2 or 3
1 or 2 and 3
not 1 and 2
'a' if true
'a' if false
'a' if false else 'b'
'a' if n > 5 else 'b' if n > 3 else 'c'
('a' if true else 'b') + 'c'
'x' ~ ('a' if false) ~ 'y'
1 + 2 * 3 - 4 / 2
(1 + 2) * 3
1 ~ 2 + 3
'a' ~ 'b' | upper
('a' ~ 'b') | upper
-1 | abs
(-1) | abs
-5 // 2
2 * -3
1 - -1
1 + 2 | string + 'x'
n is number and s is string
n is not none
not n is none
s
s[0]
s[-1]
s[100]
s[1:3]
s[::-1]
s[:5]
s[-3:]
s[::2]
s[5:1:-1]
l[0]
l[-1]
l[5]
l[:2]
l[::-1]
l[1:]
l[1:][0]
l[-100:100]
l[10:]
l[:-1]
l['0']
l[true]
l.0
nested[1][1][0]
nested.1.1.0
d.a
d['a']
d['zz']
d.zz
d.zz.y
d['C'].x[4]
d.C
d.C.x
d.items()
d.keys()
d.values()
d.items() | list
d.keys() | list
d.values() | list
d.get('a')
d.get('zz')
d.get('zz', 5)
d.get('a', default=1)
items.items
items['items']
items.keys
items.get
items['get']
d.pop('a')
d.update({'q': 1})
l.append(1)
l.index(1)
l.index(9)
l.count(1)
s.nope
s.nope()
n.real
messages[0].role
messages[0]['content']
messages[-1].content[0].text
messages[2].tool_calls[0].arguments
messages[2]['tool_calls'][0]['arguments'] | tojson
messages | length
messages[1:] | map(attribute='role') | list
messages | selectattr('role', 'equalto', 'user') | list
messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | first
messages | selectattr('n') | list | length
messages | selectattr('n', 'defined') | list | length
messages | rejectattr('n', 'defined') | map(attribute='role') | join(', ')
messages | selectattr('role', 'in', ['user', 'tool']) | map(attribute='role') | join('|')
messages | rejectattr('role', 'equalto', 'system') | list | length
messages | map(attribute='n', default=0) | list
messages | map(attribute='n', default=0) | sum
messages | sum(attribute='zz')
null | map('upper') | list
zero | select | list
null | selectattr('x') | list
false | map(attribute='x') | list
5 | map('upper') | list
messages | map('length') | list
messages | last
messages | first
messages | reverse | map(attribute='role') | list
messages | sort(attribute='role') | map(attribute='role') | list
messages | groupby('role') | list | length
messages | tojson
messages | tojson(indent=2)
messages | tojson(indent=4, ensure_ascii=true)
d | tojson(separators=(',', ':'))
d | tojson(sort_keys=true)
d | tojson(indent=2, separators=(',', ': '))
d | tojson(true)
uni | tojson
uni | tojson(ensure_ascii=True)
'\u2028\x01\x7f/"\\<>&' | tojson
1.0 | tojson
1e100 | tojson
1e-5 | tojson
[true, none, 0.1] | tojson
(1, 2) | tojson
{1: 2} | tojson
missing | tojson
[] | tojson(indent=2)
{} | tojson(indent=2)
[[], {}] | tojson(indent=1)
{'a': missing} | tojson
namespace(a=1) | tojson
s | upper
s | lower
s | title
s | capitalize
s | length
s | count
s | list
s | reverse
s | first
s | last
s | trim
ws | trim
ws | trim | length
'xxaxx' | trim('x')
'--a-b--' | trim('-')
s | replace('l', 'L')
s | replace('l', 'L', 1)
s | replace('', '-')
s | replace('zz', 'y')
s | default('x')
missing | default('x')
missing | default
null | default('x')
null | default('x', true)
empty | default('x', boolean=true)
zero | d(5, true)
missing.x | default('y')
d.zz | default('z')
l | join
l | join(',')
l | join(', ', attribute='x')
words | join('-') | upper
'abc' | join('.')
d | join(',')
l | sort
l | sort(reverse=true)
words | sort
words | sort(case_sensitive=true)
words | unique | list
[1, 1.0, true, 2] | unique | list
words | min
words | max
l | min
l | max
void | min
void | first
void | last
void | sum
l | sum
l | sum(start=10)
l | reverse | list
l | list
d | list
none | list
n | list
d | length
n | length
none | length
missing | length
missing | list
d | items
d | items | list
missing | items | list
d | dictsort
d | dictsort(true)
d | dictsort(by='value')
{'b': 2, 'a': 3} | dictsort(by='value')
{'b': 2, 'a': 3} | dictsort(reverse=true)
'3' | int
'3.9' | int
'x' | int
'x' | int(5)
' 12 ' | int
'0x1f' | int(base=16)
'ff' | int(0, 16)
3.9 | int
-3.9 | int
none | int
true | int
'3.5' | float
'x' | float
'x' | float(1.5)
n | float
'1e3' | float
-3 | abs
f | abs
2.5 | round
3.5 | round
2.567 | round(2)
2.567 | round(1, 'floor')
2.567 | round(1, 'ceil')
25 | round
25 | round(-1)
1234.5 | round(-2)
n | string
1.0 | string
none | string
true | string
l | string
'<a href="x">&\'' | e
'<b>' | escape
'<b>' | safe
'<b>' | forceescape
'a&b' | e | e
'hello world foo' | wordcount
'hello' | center(11)
'%s-%s' | format(1, 'b')
'a b' | urlencode
{'a b': 'c&d'} | urlencode
'<p>x  <b>y</b></p>' | striptags
'hello world this is long' | truncate(10)
'hello world this is long' | truncate(10, true, '..')
'foo bar baz qux' | wordwrap(7)
multi | indent
multi | indent(2)
multi | indent(2, true)
multi | indent(2, blank=true)
multi | indent('> ', first=true)
multi | indent(width=1)
l | batch(2) | list
l | slice(2) | list
l | map('string') | list
l | map('default', 1) | list
words | map('upper') | join
words | map('replace', 'a', 'x') | list
l | select('odd') | list
l | reject('odd') | list
l | select('gt', 1) | list
[0, 1, '', 'a', none] | select | list
[0, 1, '', 'a', none] | reject | list
words | select('in', ['a', 'b']) | list
[none, 1] | select('none') | list
d | attr('a')
messages[0] | attr('role')
s | attr('upper')
range(3) | list
range(3)
range(2, 8, 3) | list
range(5, 0, -2) | list
range(0) | list
range(3) | length
range(10)[2]
range(10)[-1]
range(3) | sum
range('a')
dict(a=1, b=2)
dict(b=1, a=2)
dict({'x': 1}, y=2)
dict([('a', 1), ('b', 2)])
namespace(a=1).a
namespace(a=1).b
namespace({'x': 3}).x
namespace() is defined
lipsum is defined
cycler('a', 'b').next()
joiner(',')() ~ 'x'
n is defined
missing is defined
missing is undefined
missing.x is defined
d.zz is defined
d.a is defined
d.C.x is defined
null is none
missing is none
s is string
n is string
n is number
t is number
f is number
n is integer
t is integer
f is float
t is boolean
n is boolean
d is mapping
l is mapping
l is sequence
s is sequence
d is sequence
n is sequence
missing is sequence
l is iterable
s is iterable
n is iterable
missing is iterable
range is callable
s.upper is callable
s is callable
t is true
n is true
1 is true
no is false
zero is false
n is odd
n is even
'x' is odd
n is divisibleby 7
n is divisibleby(2)
n is eq 7
n is equalto 7
n is sameas 7
none is sameas none
n is ne 7
n is lt 8
n is gt(6)
n is ge 7
n is le 6
n is lessthan 8
n is greaterthan 8
n is == 7
n is in [7, 8]
n is not in [7, 8]
'a' is in 'abc'
'abc' is lower
'ABC' is upper
'aBC' is lower
'' is lower
n is not defined
n is not string and true
n is filter
'upper' is filter
'nope' is filter
'odd' is test
s is escaped
missing is none or missing is undefined
1 is nope
1 | nope
nope()
s()
n.x.y
none.x
missing.x.y
missing['x']
none['x']
n[0]
s['x']
s['upper']()
s.upper()
s.lower()
s.title()
"they're bill's friends x1y 2nd".title()
s.capitalize()
'ÉCOLE ß'.capitalize()
s.swapcase()
s.casefold()
uni.upper()
uni.lower()
uni | upper
uni | length
uni[-1]
uni[::-1]
'ǆ'.title()
'İ'.lower()
'ΑΣ'.lower()
'ﬁ'.upper()
ws.strip()
ws.lstrip()
ws.rstrip()
'xxaxx'.strip('x')
'xyaxy'.lstrip('yx')
'abab'.rstrip('b')
'\x1c\x85\u3000a\u200b'.strip() | length
s.split()
s.split(',')
s.split(', ')
s.split('o', 1)
s.rsplit('o', 1)
s.split('zz')
s.split('l')
'a  b c'.split(' ')
'a  b c '.split(none, 1)
' a  b c '.rsplit(none, 1)
''.split()
''.split(',')
s.split('')
multi.splitlines()
'a\r\nb\x0bc\x85d\u2028e'.splitlines()
multi.splitlines(true)
''.splitlines()
'\n'.splitlines()
s.startswith('Hello')
s.startswith(('x', 'He'))
s.startswith('ello', 1)
s.endswith('ld')
s.endswith(('x',))
s.startswith(1)
s.find('o')
s.find('zz')
s.find('o', 5)
s.rfind('o')
s.index('o')
s.index('zz')
s.count('l')
s.count('')
uni.find('日')
s.replace('l', 'L')
s.replace('l', 'L', 2)
s.replace('', '-')
s.replace(old='a', new='b')
'x'.join(['a', 'b'])
', '.join(words)
','.join([1])
','.join('abc')
'12'.isdigit()
'１２'.isdigit()
'²'.isdigit()
'1.2'.isdigit()
'12'.isdecimal()
'½'.isnumeric()
'abc'.isalpha()
'abc1'.isalpha()
'abc1'.isalnum()
''.isalpha()
'  '.isspace()
'ab'.islower()
'AB'.isupper()
'A1'.isupper()
'Ab Cd'.istitle()
'a'.isidentifier()
'abc'.removeprefix('a')
'abc'.removesuffix('c')
'a,b,c'.partition(',')
'a,b,c'.rpartition(',')
'a'.ljust(3) ~ '|'
'a'.rjust(3, '-')
'a'.center(4, '*')
'7'.zfill(3)
'a\tb'.expandtabs(4)
'{} {}'.format(1, 'x')
'{0}-{a}'.format(1, a=2)
'{:>5}|{:.2f}'.format('x', 3.14159)
'abc'.encode()
s.__class__
''.__class__.__mro__
d.__class__
[].__len__()
n.bit_length()
f.is_integer()
strftime_now('%Y-%m-%d')
strftime_now('%d %b %Y')
strftime_now('%B %d, %Y %H:%M:%S')
strftime_now('%A %a %j %p %I %y %%')
strftime_now('%-d/%-m')
raise_exception('no: ' ~ n)
loop
loop is defined
self
caller is defined
_('x')
true if missing
l | map('upper') | list
[3,1] | sort | first
d | map(attribute='x') | list
(l | length) * 2
l | length * 2
l|length>2
n|string~'x'
s.split(',')|map('trim')|list
s.split(',')|map('trim')|map('length')|list
[1,2,3][1:]|list
{'a':{'b':{}}}
{'a':[{}]}['a'][0]
'{{'
'}}'
"%}"
"{% if %}"
'#}'
[[1]][0][0]
({'a': 1})['a']
{'a': 1}.a
[1,2].0
1.5.real
n|abs
(n)|abs
n | abs | string | length
not s | length
s | length == 12
s | length is number
s | upper == 'HELLO, WORLD'
'a' in s | lower
s | lower is string
n is number | string
-1 is number
1 + 1 is number
2 * 3 is eq 6
n in [7] and s
l is defined and l | length > 0
d.items is defined
d.items
(1, 2)[0]
((1, 2), 3)
[(1, 2)]
(1, 2) | list
(1, 2) | length
(1, [2, 'x'])
d.items() | first
d | items | first
d | dictsort | first
d.items() | map('first') | list
d.items() | map(attribute=0) | list
d.items() | map(attribute='0') | list
[('a', 1)] | map('last') | list
'a-b'.split('-') is sequence
(1, 2) is sequence
(1, 2) is mapping
(1, 2) is string
(1,2) is iterable
(2, 1) | sort
(2, 1) | tojson
(2, 1) | join
(1, 2) in [(1, 2)]
[1, 2] in [(1, 2)]
(1, 2) < (1, 3)
(1,2) + [3]
(1, 2) * 2
()  is sequence
s.split(',', maxsplit=1)
1 if 0
0 if 1
x if x is defined else 'nope'
none | default('d') | string
9223372036854775807 + 1
2 ** 64
-9223372036854775808
9223372036854775807 * 9223372036854775807
1e308 * 10
-1e308 * 10
0.0
-0.0
1e22
123456789.123456789
100000000000000000000.0
3.0 * 2
7 // 0.5
5 % 3.0
2 ** 0.5
4 ** 0.5
10 ** 20
True
None is none
true is true
'true' == true
1.
.5
1.e3
0x1F
0b101
0o17
1__0
@
a b
(
[1
{'a'}
{'a':}
'abc
f(
x.
x..y
x[]
1 +
| upper
not
is
if
a if
s[1:2:3:4]
l[1, 2]
x | default(
{{1}}
*l
**d
f(*l)
dict(**d)
range(*[1, 3]) | list
range(3, **{}) | list
""".strip("\n").split("\n")

TEMPLATES = [
    "", "x", "x\n", "x\n\n", "\n", "\r\na\r\nb\r", "{", "{ {", "a { b } c", "}} %}", "{{ '{{' }}", "{# c #}x", "a{# c #}\nb",
    "a {#- c -#} b", "{#\n\n#}x{{ 1 }}", "{# unclosed", "{{ 1", "{% if 1 %}", "{% endif %}", "{% else %}", "{% nope %}", "{%%}", "{{}}", "{{ }}",
    "{%- if 1 -%}\n  x\n{%- endif -%}\n y", "  {% if 1 %}\n  x\n  {% endif %}\n  y", "a {% if 1 %} b {% endif %} c",
    "  {{ 1 }}\n  {{- 2 -}}  \n  3", "{{ 1 }}\n{{ 2 }}\n\n{{ 3 }}\n", "{% if 1 %}\n\nx{% endif %}\n\ny", "\n  {% if 1 %}x{% endif %}",
    "x  {%+ if 1 %}y{% endif %}", "\n  {%+ if 1 %}y{%+ endif %}", "{% if 1 +%}\nx{% endif +%}\ny", "{%- if 1 +%}\n x{% endif %}",
    "\t{% if 1 %}\ta\n\t{% endif %}b", "a\n \t {%- if 1 %}b{% endif %}", "a \n {{- 1 }}", "{{ 1 -}} \n\n a", "{{+ 1 +}}", "{{ 1 +}}\n2",
    "{{- 1 -}}", "{{-1}}", "{{ -1 }}", "{{1-}}", "{{ n-1 }}", "{{ n -1 }}", "{{n-}}  x", "{%-if n-%} a {%-endif-%}", "{%if n%}a{%endif%}",
    "{#- a -#}  \n {{ 1 }}", "x\n  {# c #}\n  y", "x\n  {# c #}  \n  y", "x {# c #}\ny", "  {#+ c #}y", "x{# c +#}\ny", "{#-#} x", "{##}y", "{#--#} y",
    "{% raw %}{{ x }}{% if %}{% endraw %}", "a{% raw %}\n b \n{% endraw %}\nc", "{%- raw -%}  x  {%- endraw -%}  y", "{% raw -%}\n x{% endraw %}", "{% raw %}", " {% raw %} a {% endraw %} ",
    "\n  {% raw %}x{% endraw %}", "{% raw %}\n  {% endraw %}y",
    "{% if no %}a{% elif n > 5 %}b{% else %}c{% endif %}", "{% if no %}a{% elif no %}b{% else %}c{% endif %}", "{% if missing %}a{% endif %}b",
    "{% if no %}a{% elif no %}b{% elif t %}c{% endif %}", "{% if t %}{% if no %}a{% else %}b{% endif %}{% endif %}", "{% if t %}a{% else %}b{% else %}c{% endif %}",
    "{% for x in l %}{{ x }},{% endfor %}", "{% for x in l -%}\n  {{ x }}\n{%- endfor %}", "{% for x in l %}\n  {{ x }}\n{% endfor %}\nend",
    "{% for x in void %}a{% else %}none{% endfor %}", "{% for x in missing %}a{% else %}none{% endfor %}", "{% for x in none %}a{% endfor %}", "{% for x in 5 %}a{% endfor %}",
    "{% for c in 'héy' %}[{{ c }}]{% endfor %}", "{% for k in d %}{{ k }} {% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for (k, v) in d | dictsort %}{{ k }}={{ v }};{% endfor %}", "{% for k, v in d %}{{ k }}{% endfor %}", "{% for a, b in [(1, 2), [3, 4]] %}{{ a + b }} {% endfor %}",
    "{% for a, b in [[1]] %}{{ a }}{% endfor %}", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for x in 1, 2 %}{{ x }}{% endfor %}", "{% for x in (1, 2) %}{{ x }}{% endfor %}",
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}",
    "{% for x in l %}{{ loop.previtem }}/{{ loop.nextitem }} {% endfor %}", "{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }} {% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for x in l %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}", "{% for x in l %}{% for y in l %}{{ loop.depth }}{% endfor %}{% endfor %}",
    "{% for x in l %}{% for y in words %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}", "{% for x in l %}{% set outer = loop %}{% for y in words %}{{ outer.index }}{% endfor %}{% endfor %}",
    "{% for x in [1,1,2,2] %}{{ loop.changed(x) }} {% endfor %}", "{% for x in l if x > 1 %}{{ x }}{{ loop.index }}/{{ loop.length }} {% endfor %}", "{% for x in l if x > 9 %}a{% else %}e{% endfor %}",
    "{% for m in messages if m.role != 'system' %}{{ loop.first }}{{ m.role }} {% endfor %}", "{% for x in l if t else no %}{{ x }}{% endfor %}", "{% for x in (l if t else no) %}{{ x }}{% endfor %}", "{% for x in l | sort %}{{ x }}{% endfor %}",
    "{% for x in range(5) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% break %}", "{% continue %}", "{% for x in l %}{% break %}{% else %}e{% endfor %}",
    "{% for x in l %}{% if loop.first %}{% continue %}{% endif %}{{ x }}{% else %}e{% endfor %}", "{% for x in nested recursive %}{{ x if x is number else loop(x) }};{% endfor %}",
    "{% for item in [{'v': 1, 'c': [{'v': 2, 'c': []}]}] recursive %}{{ item.v }}{{ loop.depth }}{{ loop(item.c) }}{% endfor %}",
    "{{ loop }}", "{% for x in l %}{% endfor %}{{ x }}", "{% for x in l %}{% endfor %}{{ loop is defined }}", "{% set x = 1 %}{% for y in l %}{% set x = y %}{{ x }}{% endfor %}{{ x }}", "{% for x in l %}{{ loop['index'] }}{% endfor %}", "{% for x in l %}{{ loop }}{% endfor %}",
    "{% set x = 1 %}{{ x }}", "{% set x, y = 1, 2 %}{{ x }}{{ y }}", "{% set (x, y) = l[:2] %}{{ x }}{{ y }}", "{% set x = 1, 2 %}{{ x }}", "{% set x %}a{{ n }}b{% endset %}{{ x | upper }}", "{% set x | upper %}abc{% endset %}{{ x }}",
    "{% set x | replace('a', 'b') | upper %}abc{% endset %}{{ x }}", "{% set x = 1 %}{% if t %}{% set x = 2 %}{% endif %}{{ x }}", "{% set ns = namespace(a=1, b=[]) %}{% for x in l %}{% set ns.a = ns.a + x %}{% endfor %}{{ ns.a }}",
    "{% set ns = namespace() %}{% set ns.x = 1 %}{{ ns.x }}{{ ns.y }}", "{% set d.x = 1 %}", "{% set x.y = 1 %}", "{% set l[0] = 1 %}", "{% set x = %}", "{% set 1 = 2 %}", "{% set ns = namespace(x='a') %}{% set ns.x = ns.x ~ 'b' %}{{ ns.x }}", "{% set ns = namespace(found=false) %}{% for m in messages %}{% if m.role == 'user' and not ns.found %}{% set ns.found = true %}{{ m.content }}{% endif %}{% endfor %}",
    "{% set x = [] %}{% set x = x + [1] %}{{ x }}", "{% set x %}\n  a\n{% endset %}[{{ x }}]", "{% set x = {'a': 1} %}{{ x.a }}", "{% set loop_messages = messages[1:] %}{{ loop_messages | length }}", "{% set t = 5 %}{{ t }}", "{% set range = 5 %}{{ range }}", "{% set ns = namespace(a=1) %}{{ ns }}",
    "{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=4, a=5) }} {{ m() }}", "{% macro m() %}{{ n }}{% endmacro %}{{ m() | upper }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(c=2) }}", "{% macro m(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, c=3) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(a=1, a=2) }}",
    "{% macro f(x) %}{% if x > 0 %}{{ x }}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "{% macro m(a='x' ~ n, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m() }}{{ m('q') }}", "{{ m() }}{% macro m() %}a{% endmacro %}", "{% macro m() %}\n  a\n{% endmacro %}[{{ m() }}]", "{%- macro m() -%}\n  a\n{%- endmacro -%}[{{ m() }}]", "{% for x in l %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% macro m(a) %}{{ m.name }}{{ m.arguments }}{% endmacro %}{{ m(1) }}", "{% macro m(a, b) %}{{ a }}{{ b is defined }}{% endmacro %}{{ m(1) }}", "{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}", "{% macro m() %}{% set x = 5 %}{% endmacro %}{{ m() }}{{ x }}", "{% macro m(a=1, b) %}{% endmacro %}", "{% macro m(x) %}{{ caller() }}{{ x }}{% endmacro %}{% call m(1) %}body{% endcall %}", "{% macro m() %}{{ caller('a', 2) }}{% endmacro %}{% call(x, y) m() %}{{ x }}{{ y }}{{ n }}{% endcall %}", "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}", "{% macro m() %}a{% endmacro %}{% call m() %}b{% endcall %}", "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{% call n() %}x{% endcall %}",
    "{% macro m() %}<b>{% endmacro %}{{ m() ~ '<' }}{{ m() | e }}", "{% macro m() %}a{% endmacro %}{{ m() is string }}{{ m is callable }}{{ m() + 'b' }}", "{% macro m() %}a{% endmacro %}{{ m }}", "{% if t %}{% macro m() %}a{% endmacro %}{% endif %}{{ m() }}",
    "{% filter upper %}a{{ s }}{% endfilter %}", "{% filter replace('a', 'b') | upper %}banana{% endfilter %}", "{% filter trim %}\n x \n{% endfilter %}", "{% filter nope %}x{% endfilter %}", "{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}", "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}", "{% with a = 1, b = a %}{{ b }}{% endwith %}", "{% with a, b = 1, 2 %}{{ a }}{% endwith %}",
    "{% generation %}x{{ n }}{% endgeneration %}", "{% for m in messages %}{% generation %}{{ m.role }}{% endgeneration %}{% endfor %}", "a\n  {% generation %}\nx\n  {% endgeneration %}\nb", "{% generation %}{% set q = 1 %}{% endgeneration %}{{ q }}",
    "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}", "{% block a %}x{% endblock %}", "{% do l.append(1) %}", "{% autoescape true %}{{ '<' }}{% endautoescape %}", "{% trans %}x{% endtrans %}",
    "{{ messages[0]['role'] + ': ' + messages[0]['content'] | trim + '<|end|>' }}", "{{ 'a' + 'b' | upper }}", "{{ ('a' + 'b') | upper }}", "{{ raise_exception('bad') }}", "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}", "{% if t %}a{{ missing.x }}{% endif %}", "a{{ 1 / 0 }}b",
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + (message.content if message.content is string else (message.content | tojson)) + '<|im_end|>' + '\\n' }}{% endfor %}", "{%- for m in messages -%}\n    {%- if m.role == 'user' %}\n        {{- m.content }}\n    {%- elif m.role == 'tool' %}\n        {%- for p in m.content %}\n            {{- p.text if p.type == 'text' else '<image>' }}\n        {%- endfor %}\n    {%- endif %}\n{%- endfor %}",
    "{{ messages[1].content.split('\\n')[0] }}", "{% set c = messages[0].content %}{{ c.strip() }}|{{ c | trim }}|{{ c }}", "{{ '\\n' }}x", "{{ \"a\nb\" }}", "{{ 'a' }}\n\n{{ 'b' }}", "{{\n  n\n}}", "{%\n if\n t\n%}x{%\nendif\n%}", "{{ 1 }}{# {{ 2 }} #}{{ 3 }}", "{{ '#}' }}", "{% set x = '%}' %}{{ x }}", "{{ {'a': {'b': 1}}['a']['b'] }}", "{{ {'a': {'b': 1}} }}", "{{{'a': 1}}}", "{{ {} }}", "{{ '}}' ~ '{{' }}",
    "{% if 'a' in {'a': 1} and t %}y{% endif %}", "{% if messages[2].content is none %}null{% endif %}", "{% if messages[0].tool_calls %}a{% else %}b{% endif %}", "{% if messages[0].tool_calls is defined and messages[0].tool_calls is not none %}a{% else %}b{% endif %}", "{% if messages[2]['tool_calls'] | length > 0 %}y{% endif %}", "{% if 'tool_calls' in messages[2] %}y{% endif %}", "{% if not tools is defined %}{% set tools = none %}{% endif %}{{ tools }}", "{% if not date_string is defined %}{% set date_string = '26 Jul 2024' %}{% endif %}{{ date_string }}", "{% if (messages | length) % 2 == 0 %}even{% endif %}", "{% if (m.role == 'user') != (1 % 2 == 0) %}x{% endif %}", "{{ (1 == 1) != (2 % 2 == 0) }}", "{{ messages | map(attribute='role') | unique | list | tojson }}",
    "{% set content = messages[3].content %}{% if content is string %}s{% elif content is mapping %}m{% elif content is iterable %}i{% endif %}", "{% set a = messages[2].tool_calls[0] %}{{ {'name': a.name, 'arguments': a.arguments} | tojson }}", "{% set a = messages[2].tool_calls[0] %}{{ dict(name=a.name, arguments=a.arguments) }}", "{% for k, v in messages[2].tool_calls[0].arguments | items %}{{ k }}:{{ v | tojson if v is not string else v }} {% endfor %}", "{{ bos_token }}x", "{% set _ = 1 %}{{ _ }}", "{{ 'a' if missing is defined else 'b' }}", "{% for _ in range(2) %}x{% endfor %}", "{% for x in l | reverse %}{{ x }}{% endfor %}", "{% for x in l[::-1] %}{{ x }}{{ loop.last }}{% endfor %}", "{% for x in d.items() %}{{ x }}{{ x[0] }}{% endfor %}", "{% for x in d.values() %}{{ x }};{% endfor %}", "{% for i, x in [(0, 'a')] %}{{ i ~ x }}{% endfor %}",
    "{{ messages[-1]['content'][-1]['type'] }}", "{% set ns = namespace(i=0) %}{% for m in messages[::-1] %}{% if m.role == 'user' %}{% set ns.i = messages | length - 1 - loop.index0 %}{% endif %}{% endfor %}{{ ns.i }}", "{{- '' }}\n\n{{- 'x' }}", "{%- set x = 1 %}\n\n{{ x }}", "{% set x = 1 -%}\n\n  {{ x }}", "a\n\n{%- set x = 1 %}\n\nb", "{{ n }}{% if t %}\n{% endif %}\n", "\n\n{{ 1 }}\n\n", "{% if t %}x\n{% endif %}\n", "  a  {{- ' b ' -}}  c  ", "{% for x in l %} {{- x }} {%- endfor %}|", "{% if t %}\r\nx{% endif %}", "a\r\n{{ 1 }}\r\n", "{{ 'a\r\nb' }}", "\u00a0{%- if t %}x{% endif %}", "\u2003\n {%- if t -%}\u3000x{% endif %}", "\n\u00a0 {% if t %}x{% endif %}", "\x0b\f {%- if t %}x{% endif %}", "\n \x0b {% if t %}x{% endif %}", "{{ \u00e9 is defined }}", "{{ 変数 is defined }}", "{{ n\u00a0+ 1 }}",
    "{{ n\t+\r\n1 }}", "{{ 'unclosed }}", "{{ 1 }} }}", "{% set x = '''a''' %}{{ x }}", "{{ '' '' 'a' }}", "{{ 'a'\n'b' }}", "{% if t: %}x{% endif %}", "{% for x in l: %}{{ x }}{% endfor %}", "{% if t %}x{% endif foo %}", "{% for x in l %}{% endfor x %}", "{% macro m() %}x{% endmacro m %}{{ m() }}", "{% endfor %}", "{% for in l %}{% endfor %}", "{% for x of l %}{% endfor %}", "{% for x.y in l %}{% endfor %}", "{% if %}{% endif %}", "{% set true = 1 %}", "{% for none in l %}{% endfor %}", "{% set x = 1 if no %}{{ x }}", "{% print n %}", "{% if t %}{% endfor %}", "{{ n; }}", "{{ n ! }}", "{{ n | }}", "{{ n | upper() }}", "{{ s | upper | lower }}", "{{ s | replace('H', 'J') | replace('o', '0') }}", "{{ not }}", "{{ s.upper }}",
]


def main():
    env = environment()
    lines = [[VARIABLES]]
    seen = set()
    for source in ["{{ " + e + " }}" for e in EXPRESSIONS] + TEMPLATES:
        out = render(env, source, json.loads(json.dumps(VARIABLES)))
        if source not in seen and not re.search("0x[0-9a-f]{9}", str(out)):  # no addresses of Python's objects
            seen.add(source)
            lines.append([source, out])
    print("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in lines) + "\n]")


main()

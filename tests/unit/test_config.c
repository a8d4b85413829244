/* SPDX-License-Identifier: MIT
 *
 * Suite of specs as trees: YAML in, places, limits, base files, --set. */
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "config/config.h"
#include "test.h"

static Arena *arena;

/* A tree in one line: {key:value}, [entries], quoted scalars in quotes. */
static void show(Str *out, const Node *node) {
  if (node->type == NODE_SCALAR) {
    str_print(out, node->quoted ? "'%s'" : "%s", node->text);
    return;
  }
  str_add(out, node->type == NODE_LIST ? "[" : "{");
  for (const Node *n = node->first; n != NULL; n = n->next) {
    CU_ASSERT_PTR_EQUAL(n->parent, node);
    if (n != node->first) str_add(out, ",");
    if (node->type == NODE_MAP) str_print(out, "%s:", n->key);
    show(out, n);
  }
  str_add(out, node->type == NODE_LIST ? "]" : "}");
}

static void expect_text(const char *got, const char *wanted, const char *of) {
  bool same = strcmp(got, wanted) == 0;
  CU_ASSERT_TRUE(same);
  if (!same) printf("\n  of     %.200s\n  wanted %s\n  got    %s\n", of, wanted, got);
}

static void expect_tree(const Node *node, const char *wanted, const char *of) {
  Str out = {0};
  show(&out, node);
  expect_text(out.text, wanted, of);
  str_free(&out);
}

static EbbStatus parse(const char *text, Node **out) { return config_parse(arena, "x.yaml", text, strlen(text), out); }

/* The text must be refused with the message. */
static void expect_refusal(const char *text, const char *wanted) {
  Node *root;
  fail_clear();
  CU_ASSERT_EQUAL(parse(text, &root), EBB_E_CONFIG);
  expect_text(fail_text(), wanted, text);
}

static void documents_become_trees(void) {
  static const struct {
    const char *text, *tree;
  } known[] = {
      {"seed: 7\nsimulator: {use: two_moons}\n", "{seed:7,simulator:{use:two_moons}}"},
      {"a:\n  - 1\n  - {b: 2}\n  -\n    - x\n", "{a:[1,{b:2},[x]]}"},
      {"\xEF\xBB\xBF"
       "a: 1\r\nb: 2\r\n",
       "{a:1,b:2}"},
      {"no: 1\non: 2\ny: 3\nnull: 4\n~: 5\n1: 6\ntrue: 7\n", "{no:1,on:2,y:3,null:4,~:5,1:6,true:7}"},
      {"a: 'x'\nb: \"s\\x65d\"\nc: |\n  two\n  lines\n", "{a:'x',b:'sed',c:'two\nlines\n'}"},
      {"a:\nb: ~\n", "{a:,b:~}"},
      {"? seed\n: 1\n", "{seed:1}"},
      {"%YAML 1.1\n---\na: 1\n...\n", "{a:1}"},
      {"a: {b: 1}\nc: {b: 2}\n", "{a:{b:1},c:{b:2}}"},
      {"[256, 256]", "[256,256]"},
      {"heun", "heun"},
      {"a: \xCE\xBB\n", "{a:\xCE\xBB}"},
      {"a: &x {p: 1}\nb: &y [2, *x]\nc: &z 3\nd: [*x, *y, *z]\ne: *z\n", "{a:{p:1},b:[2,{p:1}],c:3,d:[{p:1},[2,{p:1}],3],e:3}"},
      {"&k a: *k\n", "{a:a}"},
      {"a: &x 1\nb: &x 2\nc: *x\n", "{a:1,b:2,c:2}"},
      {"\"<<\": 1\n", "{<<:1}"},
  };
  for (size_t i = 0; i < COUNT(known); i++) {
    Node *root = NULL;
    EbbStatus status = parse(known[i].text, &root);
    CU_ASSERT_EQUAL(status, EBB_OK);
    if (status == EBB_OK)
      expect_tree(root, known[i].tree, known[i].text);
    else
      printf("\n  %s: %s\n", known[i].text, fail_text());
  }
}

static void nodes_know_their_places(void) {
  Node *root;
  CU_ASSERT_EQUAL_FATAL(parse("\xEF\xBB\xBF"
                              "seed: 7\r\n\xCE\xBB: {use:  heun}\r\nlist: [1,\r\n  22]\r\n",
                              &root),
                        EBB_OK);
  const Node *seed = config_get(root, "seed"), *use = config_get(config_get(root, "\xCE\xBB"), "use"), *list = config_get(root, "list");
  CU_ASSERT_STRING_EQUAL(seed->file, "x.yaml");
  int places[][2] = {{seed->key_line, 1},          {seed->key_column, 1},         {seed->line, 1}, {seed->column, 7},
                     {use->key_line, 2},           {use->key_column, 5},          {use->line, 2},  {use->column, 11},
                     {list->first->next->line, 4}, {list->first->next->column, 3}};
  for (size_t i = 0; i < COUNT(places); i++) CU_ASSERT_EQUAL(places[i][0], places[i][1]);
  CU_ASSERT_EQUAL(config_fail(use, "bad %d", 3), EBB_E_CONFIG);
  CU_ASSERT_STRING_EQUAL(fail_text(), "x.yaml:2:11: bad 3");
  CU_ASSERT_PTR_NULL(config_get(root, "sed"));
  CU_ASSERT_PTR_NULL(config_get(seed, "seed"));
  CU_ASSERT_PTR_NULL(config_get(NULL, "seed"));
}

#define EMPTY "x.yaml: the file is empty; a spec needs at least one key with a value, as in \"seed: 1\""

static void what_a_spec_must_not_hold_is_refused_with_its_place(void) {
  static const struct {
    const char *text, *message;
  } known[] = {
      {"seed: 1\na: 2\nseed: 2\n", "x.yaml:3:1: the key \"seed\" is given twice, first at x.yaml:1:1; keep one"},
      {"s: {steps: 5, \"steps\": 6}\n", "x.yaml:1:15: the key \"steps\" is given twice, first at x.yaml:1:5; keep one"},
      {"seed: 1\n\"se\\x65d\": 2\n", "x.yaml:2:1: the key \"seed\" is given twice, first at x.yaml:1:1; keep one"},
      {"seed: 1\n? seed\n: 1\n", "x.yaml:2:3: the key \"seed\" is given twice, first at x.yaml:1:1; keep one"},
      {"seed: 1\n? seed : 1\n", "x.yaml:2:3: a key must be a word, found a map"},
      {"a:\n  - b:\n      c: 1\n      d: 1\n      c: 1\n      d: 1\n", "x.yaml:5:7: the key \"c\" is given twice, first at x.yaml:3:7; keep one"},
      {"", EMPTY},
      {"# only this\n", EMPTY},
      {"---\n", EMPTY},
      {"\xEF\xBB\xBF", EMPTY},
      {"a: 1\n---\nb: 2\n", "x.yaml:2:1: a second document starts here; a spec is one document"},
      {"a: !!int 1\n", "x.yaml:1:4: tags (tag:yaml.org,2002:int) are not taken; what a value is follows from its key"},
      {"a: !x [1]\n", "x.yaml:1:4: tags (!x) are not taken; what a value is follows from its key"},
      {"a: &x {b: 1}\nc:\n  <<: *x\n", "x.yaml:3:3: merge keys (<<) are not taken; write the keys out, or name a base file with extends"},
      {"[a]: 1\n", "x.yaml:1:1: a key must be a word, found a list"},
      {"a: &x 1\n*x : 2\n", "x.yaml:2:1: a key must be a word, found the alias *x"},
      {"a: *x\n", "x.yaml:1:4: unknown alias *x; the anchor &x must stand before it"},
      {"a: &a [*a]\n", "x.yaml:1:8: the alias *a stands inside what it names"},
      {"a: &a {b: {c: *a}}\n", "x.yaml:1:15: the alias *a stands inside what it names"},
      {"a:\n\tb: 1\n", "x.yaml:2:1: not YAML: found character that cannot start any token (a tab; indent with spaces)"},
      {"a: [1, 2\nb: 3\n", "x.yaml:2:2: not YAML: did not find expected ',' or ']' while parsing a flow sequence that starts at 1:4"},
      {"a: 1\n b: 2\n", "x.yaml:2:3: not YAML: mapping values are not allowed in this context"},
      {"a: \"open\n", "x.yaml:2:1: not YAML: found unexpected end of stream while scanning a quoted scalar that starts at 1:4"},
      {"a: 1\nb: x\x01y\n", "x.yaml:2:5: not YAML: control characters are not allowed (found 0x01)"},
      {"a: 1\nb: \xCE\xBB\xE9 2\n", "x.yaml:2:5: not UTF-8: byte 0xE9 at offset 10"},
      {"\xFF\xFE"
       "a",
       "x.yaml:1:1: not UTF-8: byte 0xFF at offset 0 (it looks like UTF-16; save it as UTF-8)"},
      {"a: \"b\\0c\"\n", "x.yaml:1:4: a NUL character (\\0) in a text; leave it out"},
      {"extends: b.yaml\n", "x.yaml:1:1: extends works in a file only; this text has no folder"},
  };
  for (size_t i = 0; i < COUNT(known); i++) expect_refusal(known[i].text, known[i].message);
  Node *root;
  CU_ASSERT_EQUAL(config_parse(arena, "x.yaml", "a: 1\nb: \0\n", 10, &root), EBB_E_CONFIG);
  CU_ASSERT_STRING_EQUAL(fail_text(), "x.yaml:2:4: a NUL byte at offset 8; a spec is UTF-8 text");
}

static char *repeated(const char *head, const char *piece, int n, const char *tail) {
  Str out = {0};
  str_add(&out, head);
  for (int i = 0; i < n; i++) str_add(&out, piece);
  str_add(&out, tail);
  char *copy = arena_copy(arena, out.text);
  str_free(&out);
  return copy;
}

static void deep_nesting_is_refused_at_64_levels(void) {
  Node *root;
  /* The map is the first level, so 63 lists fit. */
  CU_ASSERT_EQUAL(parse(repeated("a: ", "[", 63, repeated("", "]", 63, "")), &root), EBB_OK);
  expect_refusal(repeated("a: ", "[", 64, repeated("", "]", 64, "")),
                 "x.yaml:1:67: this list is nested deeper than 64 levels; a spec is never this deep");
  expect_refusal(repeated("a: ", "[", 20000, ""), "x.yaml:1:67: this list is nested deeper than 64 levels; a spec is never this deep");
  expect_refusal(repeated("a: ", "[", 20000, repeated("", "]", 20000, "")),
                 "x.yaml:1:67: this list is nested deeper than 64 levels; a spec is never this deep");
  expect_refusal(repeated("a: ", "{a: ", 5000, ""), "x.yaml:1:256: this map is nested deeper than 64 levels; a spec is never this deep");
  Str blocks = {0};
  for (int i = 0; i < 3000; i++) str_print(&blocks, "%*sa:\n", i, "");
  expect_refusal(blocks.text, "x.yaml:65:65: this map is nested deeper than 64 levels; a spec is never this deep");
  str_free(&blocks);
  /* An alias counts with the levels of what it names: the map, 32 lists, and 31 or 32 within the alias. */
  char *named = repeated("a: &x ", "[", 32, repeated("", "]", 32, "\nb: "));
  CU_ASSERT_EQUAL(parse(repeated(named, "[", 31, repeated(" *x", "]", 31, "\n")), &root), EBB_OK);
  expect_refusal(repeated(named, "[", 32, repeated("*x", "]", 32, "\n")), "x.yaml:2:36: the alias *x is nested deeper than 64 levels");
  CU_ASSERT_EQUAL(config_parse(arena, "y", "a: 1", 4, &root), EBB_OK);
  fail_clear();
  CU_ASSERT_EQUAL(config_set(arena, root, repeated("a=", "[", 20000, ""), &(Str){0}), EBB_E_CONFIG);
  expect_text(fail_text(), "--set:1:67: this list is nested deeper than 64 levels; a spec is never this deep", "--set");
}

static void aliases_are_counted_as_what_they_stand_for(void) {
  static const char bomb[] = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                             "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
  /* a has 10 nodes and each next 9 times as many and one: 10, 91, 820, 7381, 66430. With the root 74733 are there before f, so its first *e breaks
   * it. */
  expect_refusal(bomb, "x.yaml:6:8: the alias *e makes this more than 100000 values once aliases are written out");
  Node *root;
  /* 100,000 with the root: the list of 99,998 entries fits, one more does not. */
  CU_ASSERT_EQUAL(parse(repeated("a: [", "1,", 99998, "]"), &root), EBB_OK);
  expect_refusal(repeated("a: [", "1,", 99999, "]"), "x.yaml:1:200001: more than 100000 values; a spec is never this large");
}

/* ---- Files ---- */

static char folder[64];

static char *in_folder(const char *name) { return path_join(arena, folder, name); }
static void put(const char *name, const char *text) { CU_ASSERT_EQUAL(file_write(in_folder(name), text, strlen(text)), EBB_OK); }

/* Reads the file; a refusal's message without the folder's name must be `message`. */
static void expect_read(const char *name, const char *tree, const char *message) {
  Node *root;
  fail_clear();
  EbbStatus status = config_read(arena, in_folder(name), &root);
  if (status == EBB_OK && tree != NULL) {
    expect_tree(root, tree, name);
    return;
  }
  Str text = {0};
  size_t n = strlen(folder) + 1;
  for (const char *c = fail_text(); *c != 0;) {
    bool here = strncmp(c, folder, n - 1) == 0 && c[n - 1] == '/';
    if (!here) str_add_n(&text, c, 1);
    c += here ? n : 1;
  }
  expect_text(text.text != NULL ? text.text : "", message != NULL ? message : "(a tree)", name);
  str_free(&text);
}

static void a_file_extends_another_map_by_map(void) {
  put("base.yaml", "seed: 1\ntraining: {epochs: 5, batch: 8, ema: {use: power, width: 1}}\nsampler: {use: ddim, steps: 5, eta: 1}\nlist: [1, 2]\n");
  put("a.yaml", "extends: base.yaml\nseed: 2\ntraining: {epochs: 6}\nnew: 3\n");
  expect_read("a.yaml", "{seed:2,training:{epochs:6,batch:8,ema:{use:power,width:1}},new:3,sampler:{use:ddim,steps:5,eta:1},list:[1,2]}", NULL);
  put("b.yaml", "sampler: {use: heun, rho: 7}\nlist: [3]\nextends: base.yaml\ntraining: {ema: {width: 2}}\n");
  expect_read("b.yaml", "{sampler:{use:heun,rho:7},list:[3],training:{ema:{width:2,use:power},epochs:5,batch:8},seed:1}", NULL);
  put("c.yaml", "extends: b.yaml\nsampler: heun\ntraining: null\n");
  expect_read("c.yaml", "{sampler:{use:heun,rho:7},training:null,list:[3],seed:1}", NULL);
  put("d.yaml", "extends: c.yaml\nsampler: ddim\n");
  put("e.yaml", "extends: d.yaml\nsampler: {steps: 9}\ntraining: {epochs: 1}\n");
  expect_read("e.yaml", "{sampler:{steps:9,use:ddim},training:{epochs:1},list:[3],seed:1}", NULL);
  CU_ASSERT_EQUAL(folder_make(in_folder("below")), EBB_OK);
  put("below/f.yaml", "extends: ./g.yaml\na: 1\n");
  put("below/g.yaml", "b: 2\n");
  put("h.yaml", "extends: below/../below/f.yaml\n");
  expect_read("h.yaml", "{a:1,b:2}", NULL);
  Node *root;
  CU_ASSERT_EQUAL_FATAL(config_read(arena, in_folder("a.yaml"), &root), EBB_OK);
  config_fail(config_get(config_get(root, "training"), "batch"), "bad");
  CU_ASSERT_PTR_NOT_NULL(strstr(fail_text(), "/base.yaml:2:30: bad"));
}

static void extends_stays_in_the_folder_and_ends(void) {
  put("one.yaml", "a: 1\nextends: two.yaml\n");
  put("two.yaml", "extends: one.yaml\n");
  put("self.yaml", "extends: self.yaml\n");
  put("below/up.yaml", "extends: ../base.yaml\n");
  put("abs.yaml", "extends: /etc/hosts\n");
  put("none.yaml", "extends: nowhere.yaml\n");
  put("list.yaml", "extends: [base.yaml]\n");
  put("null.yaml", "extends:\n");
  put("broken.yaml", "a: 1\na: 2\n");
  put("over.yaml", "extends: broken.yaml\n");
  put("top.yaml", "- a\n- b\n");
  put("below/link.yaml", "extends: out.yaml\n");
  CU_ASSERT_EQUAL(file_link("../base.yaml", in_folder("below/out.yaml")), EBB_OK);
  expect_read("one.yaml", NULL, "two.yaml:1:10: extends leads back to \"one.yaml\", which is being read already");
  expect_read("self.yaml", NULL, "self.yaml:1:10: extends leads back to \"self.yaml\", which is being read already");
  expect_read("below/up.yaml", NULL, "below/up.yaml:1:10: extends must not leave this file's folder (got \"../base.yaml\")");
  expect_read("below/link.yaml", NULL, "below/link.yaml:1:10: extends must not leave this file's folder (\"out.yaml\" is a link to base.yaml)");
  expect_read("abs.yaml", NULL, "abs.yaml:1:10: extends must be a path relative to this file's folder (got the absolute \"/etc/hosts\")");
  expect_read("none.yaml", NULL, "none.yaml:1:10: extends: there is no file \"nowhere.yaml\" in this file's folder");
  expect_read("list.yaml", NULL, "list.yaml:1:10: extends must be the path of a file, as in \"extends: base.yaml\" (got a list)");
  expect_read("null.yaml", NULL, "null.yaml:1:9: extends must be the path of a file, as in \"extends: base.yaml\" (got nothing)");
  expect_read("over.yaml", NULL, "broken.yaml:2:1: the key \"a\" is given twice, first at broken.yaml:1:1; keep one");
  expect_read("top.yaml", NULL, "top.yaml:1:1: a spec is a map of keys, as in \"seed: 1\" (got a list)");
  Node *root;
  CU_ASSERT_EQUAL(config_read(arena, in_folder("absent.yaml"), &root), EBB_E_IO);
  /* The limit on values holds for all files together. */
  put("many.yaml", repeated("a: [", "1,", 60000, "]\n"));
  put("more.yaml", repeated("extends: many.yaml\nb: [", "1,", 60000, "]\n"));
  expect_read("many.yaml", repeated("{a:[1", ",1", 59999, "]}"), NULL);
  /* more.yaml takes 60,003 (root, extends, list, entries), so 39,997 remain: the root, the list and 39,995 entries; the next stands at 5 + 2 *
   * 39,995. */
  expect_read("more.yaml", NULL, "many.yaml:1:79995: more than 100000 values; a spec is never this large");
}

/* ---- --set ---- */

#define SPEC "seed: 1\nsampler: {use: ddim, steps: 5, eta: 1}\nguidance: null\nevaluation: [c2st, {use: sbc, datasets: 200}]\n"

static void set_changes_one_place(void) {
  static const struct {
    const char *assignment, *tree, *dropped;
  } known[] = {
      {"seed=2", "{seed:2,sampler:{use:ddim,steps:5,eta:1},guidance:null,evaluation:[c2st,{use:sbc,datasets:200}]}", ""},
      {"sampler.steps=1e3", "{seed:1,sampler:{use:ddim,steps:1e3,eta:1},guidance:null,evaluation:[c2st,{use:sbc,datasets:200}]}", ""},
      {"sampler.use=heun", "{seed:1,sampler:{use:heun},guidance:null,evaluation:[c2st,{use:sbc,datasets:200}]}", "sampler: steps, eta dropped"},
      {"sampler.use=ddim", "{seed:1,sampler:{use:ddim,steps:5,eta:1},guidance:null,evaluation:[c2st,{use:sbc,datasets:200}]}", ""},
      {"sampler=heun", "{seed:1,sampler:heun,guidance:null,evaluation:[c2st,{use:sbc,datasets:200}]}", "sampler: steps, eta dropped"},
      {"sampler=ddim", "{seed:1,sampler:{use:ddim,steps:5,eta:1},guidance:null,evaluation:[c2st,{use:sbc,datasets:200}]}", ""},
      {"sampler={use: ddim, eta: 0}", "{seed:1,sampler:{use:ddim,eta:0},guidance:null,evaluation:[c2st,{use:sbc,datasets:200}]}",
       "sampler: steps dropped"},
      {"guidance.use=cfg", "{seed:1,sampler:{use:ddim,steps:5,eta:1},guidance:{use:cfg},evaluation:[c2st,{use:sbc,datasets:200}]}", ""},
      {"evaluation[0].folds=3", "{seed:1,sampler:{use:ddim,steps:5,eta:1},guidance:null,evaluation:[{use:c2st,folds:3},{use:sbc,datasets:200}]}", ""},
      {"evaluation[1].use=tarp", "{seed:1,sampler:{use:ddim,steps:5,eta:1},guidance:null,evaluation:[c2st,{use:tarp}]}",
       "evaluation[1]: datasets dropped"},
      {"evaluation[1]=c2st", "{seed:1,sampler:{use:ddim,steps:5,eta:1},guidance:null,evaluation:[c2st,c2st]}", "evaluation[1]: datasets dropped"},
      {"evaluation=[]", "{seed:1,sampler:{use:ddim,steps:5,eta:1},guidance:null,evaluation:[]}", ""},
      {"model.network={use: mlp, widths: [1, 2]}",
       "{seed:1,sampler:{use:ddim,steps:5,eta:1},guidance:null,evaluation:[c2st,{use:sbc,datasets:200}],model:{network:{use:mlp,widths:[1,2]}}}", ""},
      {"name='a=b'", "{seed:1,sampler:{use:ddim,steps:5,eta:1},guidance:null,evaluation:[c2st,{use:sbc,datasets:200}],name:'a=b'}", ""},
  };
  for (size_t i = 0; i < COUNT(known); i++) {
    Node *root;
    Str dropped = {0};
    CU_ASSERT_EQUAL_FATAL(parse(SPEC, &root), EBB_OK);
    EbbStatus status = config_set(arena, root, known[i].assignment, &dropped);
    CU_ASSERT_EQUAL(status, EBB_OK);
    if (status != EBB_OK) printf("\n  %s: %s\n", known[i].assignment, fail_text());
    expect_tree(root, known[i].tree, known[i].assignment);
    expect_text(dropped.text != NULL ? dropped.text : "", known[i].dropped, known[i].assignment);
    str_free(&dropped);
  }
}

static void wrong_assignments_are_refused(void) {
#define WANTS "--set wants path=value, as in training.epochs=100 or evaluation[0].use=c2st (got "
  static const struct {
    const char *assignment, *message;
  } known[] = {
      {"seed", WANTS "\"seed\")"},
      {"=1", WANTS "\"=1\")"},
      {"a..b=1", WANTS "\"a..b=1\")"},
      {"[0]=1", WANTS "\"[0]=1\")"},
      {"evaluation[x]=1", WANTS "\"evaluation[x]=1\")"},
      {"evaluation[0=1", WANTS "\"evaluation[0=1\")"},
      {"evaluation[0]x=1", WANTS "\"evaluation[0]x=1\")"},
      {"seed.=1", WANTS "\"seed.=1\")"},
      {"evaluation[2]=c2st", "--set evaluation[2]=c2st: evaluation has 2 entries, counted from 0; there is no entry 2"},
      {"evaluation[99999999999999999999]=c2st",
       "--set evaluation[99999999999999999999]=c2st: evaluation has 2 entries, counted from 0; there is no entry 9223372036854775807"},
      {"evaluation.use=c2st", "--set evaluation.use=c2st: evaluation is a list; pick an entry first, as in evaluation[0].use"},
      {"sampler[0]=1", "--set sampler[0]=1: sampler is no list"},
      {"seed=", "--set seed= has no value; write null for none, '' for an empty text"},
      {"seed=[1", "--set:1:8: not YAML: did not find expected ',' or ']' while parsing a flow sequence that starts at 1:6"},
      {"seed={a: 1, a: 2}", "--set:1:13: the key \"a\" is given twice, first at --set:1:7; keep one"},
      {"extends=b.yaml", "--set: extends is read with the file; it cannot be set"},
  };
  for (size_t i = 0; i < COUNT(known); i++) {
    Node *root;
    Str dropped = {0};
    CU_ASSERT_EQUAL_FATAL(parse(SPEC, &root), EBB_OK);
    fail_clear();
    CU_ASSERT_EQUAL(config_set(arena, root, known[i].assignment, &dropped), EBB_E_CONFIG);
    expect_text(fail_text(), known[i].message, known[i].assignment);
    str_free(&dropped);
  }
  Node *root;
  Str dropped = {0};
  CU_ASSERT_EQUAL_FATAL(parse(SPEC, &root), EBB_OK);
  CU_ASSERT_EQUAL(config_set(arena, root, repeated("a", ".a", 100, "=1"), &dropped), EBB_E_CONFIG);
  CU_ASSERT_STRING_EQUAL(fail_text(), "--set: a path of more than 64 steps; a spec is never this deep");
  CU_ASSERT_EQUAL(config_set(arena, root, "evaluation[1].datasets=9", &dropped), EBB_OK);
  config_fail(config_get(config_get(root, "evaluation")->first->next, "datasets"), "too few");
  CU_ASSERT_STRING_EQUAL(fail_text(), "--set evaluation[1].datasets: too few");
}

static const Test tests[] = {
    {"documents become trees", documents_become_trees},
    {"nodes know their places", nodes_know_their_places},
    {"what a spec must not hold is refused with its place", what_a_spec_must_not_hold_is_refused_with_its_place},
    {"deep nesting is refused at 64 levels", deep_nesting_is_refused_at_64_levels},
    {"aliases are counted as what they stand for", aliases_are_counted_as_what_they_stand_for},
    {"a file extends another map by map", a_file_extends_another_map_by_map},
    {"extends stays in the folder and ends", extends_stays_in_the_folder_and_ends},
    {"set changes one place", set_changes_one_place},
    {"wrong assignments are refused", wrong_assignments_are_refused},
};

int main(void) {
  arena = arena_new();
  const char *base = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/ebb-config-XXXXXX", base != NULL && strlen(base) < 40 ? base : "/tmp");
  if (mkdtemp(folder) == NULL) return 99;
  char *real = realpath(folder, NULL);
  if (real != NULL && strlen(real) < sizeof folder) strcpy(folder, real);
  free(real);
  int failed = test_main("config", tests, COUNT(tests));
  folder_remove(folder);
  arena_free(arena);
  return failed;
}

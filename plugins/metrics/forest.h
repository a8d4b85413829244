/* SPDX-License-Identifier: MIT
 *
 * A random forest of two classes (Breiman 2001, Machine Learning 45:5) with the defaults of scikit-learn's RandomForestClassifier: each tree is grown
 * on a bootstrap sample until its leaves are pure, a split is the best of about sqrt(columns) random columns by gini impurity, and a tree's vote is
 * the share of class 1 in the leaf a row falls into.
 *
 * With N rows in a node, N1 of class 1, and l of them, l1 of class 1, at most a threshold, the gini impurity falls most where
 *
 *     (l1 N - l N1)^2 / (l (N - l))
 *
 * is largest. A column's rows stand sorted once for all trees; a tree keeps a sorted list for each column and parts it, in order, at each split, so
 * no node sorts. A bootstrap sample is a weight for each of its rows.
 *
 * Random numbers: an id for the sample the trees grow on, steps tree << 16 | chunk, one block for the bootstrap and one for the columns. */
#ifndef EBB_METRICS_FOREST_H
#define EBB_METRICS_FOREST_H

#include <math.h>
#include <string.h>

#include <ebb/host.h>

#include "sort.h"

enum { FOREST_MOST_TREES = (1 << 16) - 1, FOREST_CHUNK = 1 << 14, BLOCK_BOOTSTRAP = 4094, BLOCK_COLUMNS = 4095 };

/* What all trees share. */
typedef struct Forest {
  const EbbHost *host;
  EbbRng rng;
  int64_t rows, columns, stride;
  const float *x;      /* [rows][stride], of which `columns` count */
  const float *sign;   /* [rows] class 0: -1, class 1: 1 */
  const Entry *sorted; /* [columns][rows] */
} Forest;

/* A leaf has column -1 and its share of class 1 as threshold; else rows with x <= threshold go to `child`, the others to the node behind it. */
typedef struct Branch {
  double threshold;
  int32_t column, child;
} Branch;

/* A node that is still to be split: its place in every list, and its rows: class 1 << 32 | both. */
typedef struct Open {
  int32_t from, to, node;
  uint64_t rows;
} Open;

typedef struct Split {
  int32_t column, at; /* the second child's first place */
  double gain, room;  /* what is largest, as a fraction */
  uint64_t rows;      /* of the first child */
} Split;

/* A task's memory for the tree in hand. */
typedef struct Tree {
  const Forest *f;
  uint64_t id;
  uint32_t step;       /* tree << 16 */
  double *u;           /* [FOREST_CHUNK] */
  int64_t used;        /* numbers used up since the tree began */
  int32_t *weight;     /* [rows] how often the sample holds a row; then its place among the sample's rows */
  int64_t own;         /* rows of the sample, each once */
  uint64_t *counts;    /* [own] class 1 << 32 | both */
  uint8_t *first;      /* [own] goes to the first child */
  Entry *list, *spare; /* [columns][own], by place; [own] */
  int32_t *column;     /* [columns] in the order drawn last */
  Branch *node;
  int64_t nodes;
  Open *open;
} Tree;

static inline void tree_new(Tree *t, const Forest *f, EbbWork *work, int64_t sample) {
  *t = (Tree){.f = f};
  t->u = f->host->scratch(work, FOREST_CHUNK * sizeof *t->u);
  t->weight = f->host->scratch(work, (size_t)f->rows * sizeof *t->weight);
  t->counts = f->host->scratch(work, (size_t)sample * sizeof *t->counts);
  t->first = f->host->scratch(work, (size_t)sample);
  t->list = f->host->scratch(work, (size_t)(f->columns * sample) * sizeof *t->list);
  t->spare = f->host->scratch(work, (size_t)sample * sizeof *t->spare);
  t->column = f->host->scratch(work, (size_t)f->columns * sizeof *t->column);
  t->node = f->host->scratch(work, (size_t)(2 * sample) * sizeof *t->node);
  t->open = f->host->scratch(work, (size_t)(sample + 1) * sizeof *t->open);
}

/* Draws the sample out of index [n] and puts its rows into the lists. */
static inline void tree_sample(Tree *t, int64_t n, const int32_t *index) {
  const Forest *f = t->f;
  memset(t->weight, 0, (size_t)f->rows * sizeof *t->weight);
  for (int64_t first = 0; first < n; first += FOREST_CHUNK) {
    int64_t here = n - first < FOREST_CHUNK ? n - first : FOREST_CHUNK;
    uint32_t step = t->step | (uint32_t)(first / FOREST_CHUNK);
    f->host->uniform(f->host, f->rng, 1, &t->id, &step, BLOCK_BOOTSTRAP, here, t->u);
    for (int64_t i = 0; i < here; i++) t->weight[index[(int64_t)(t->u[i] * (double)n)]]++;
  }
  t->own = 0;
  for (int64_t r = 0; r < f->rows; r++) {
    uint64_t weight = (uint64_t)t->weight[r];
    t->weight[r] = weight > 0 ? (int32_t)t->own : -1;
    if (weight > 0) t->counts[t->own++] = weight | (f->sign[r] > 0 ? weight << 32 : 0);
  }
  for (int64_t c = 0; c < f->columns; c++) {
    const Entry *sorted = f->sorted + c * f->rows;
    Entry *list = t->list + c * t->own;
    for (int64_t i = 0; i < f->rows; i++)
      if (t->weight[sorted[i].row] >= 0) *list++ = (Entry){sorted[i].x, t->weight[sorted[i].row]};
  }
}

static inline double tree_uniform(Tree *t) {
  int64_t at = t->used % FOREST_CHUNK;
  uint32_t step = t->step | (uint32_t)(t->used / FOREST_CHUNK);
  if (at == 0) t->f->host->uniform(t->f->host, t->f->rng, 1, &t->id, &step, BLOCK_COLUMNS, FOREST_CHUNK, t->u);
  t->used++;
  return t->u[at];
}

/* The best split of one column into *best, if it beats it. */
static inline void tree_try(const Tree *t, const Open *o, int32_t column, Split *best) {
  const Entry *list = t->list + column * t->own;
  double n = (double)(uint32_t)o->rows, ones = (double)(o->rows >> 32);
  uint64_t rows = 0;
  for (int32_t i = o->from; i + 1 < o->to; i++) {
    rows += t->counts[list[i].row];
    if (!(list[i].x < list[i + 1].x)) continue;
    double l = (double)(uint32_t)rows, lean = (double)(rows >> 32) * n - l * ones, gain = lean * lean, room = l * (n - l);
    if (gain * best->room > best->gain * room) *best = (Split){column, i + 1, gain, room, rows};
  }
}

/* As many columns as are looked at, and more until one is found that is not constant in the node; column -1: all are. */
static inline Split tree_split(Tree *t, const Open *o) {
  Split best = {.column = -1, .gain = -1, .room = 1};
  int64_t columns = t->f->columns, most = (int64_t)sqrt((double)columns);
  for (int64_t k = 0; k < columns && (k < most || best.column < 0); k++) {
    int64_t pick = columns - k > 1 ? k + (int64_t)(tree_uniform(t) * (double)(columns - k)) : k;
    int32_t column = t->column[pick];
    t->column[pick] = t->column[k];
    t->column[k] = column;
    tree_try(t, o, column, &best);
  }
  return best;
}

/* The other columns' lists of a node, parted as the split's column is; each part keeps its order. */
static inline void tree_part(Tree *t, const Open *o, const Split *s) {
  const Entry *split = t->list + s->column * t->own;
  for (int32_t i = o->from; i < o->to; i++) t->first[split[i].row] = i < s->at;
  for (int64_t c = 0; c < t->f->columns; c++) {
    if (c == s->column) continue;
    Entry *list = t->list + c * t->own, *first = list + o->from, *second = t->spare;
    for (int32_t i = o->from; i < o->to; i++) {
      Entry e = list[i];
      int64_t goes = t->first[e.row];
      *first = e;
      *second = e;
      first += goes;
      second += 1 - goes;
    }
    memcpy(first, t->spare, (size_t)(second - t->spare) * sizeof *first);
  }
}

/* Grows the tree on its sample. Children are open nodes unless pure. */
static inline void tree_grow(Tree *t) {
  for (int32_t c = 0; c < t->f->columns; c++) t->column[c] = c;
  uint64_t all = 0;
  for (int64_t i = 0; i < t->own; i++) all += t->counts[i];
  t->nodes = 1;
  t->used = 0;
  int64_t waiting = 0;
  t->open[waiting++] = (Open){0, (int32_t)t->own, 0, all};
  while (waiting > 0) {
    Open o = t->open[--waiting];
    Split s = tree_split(t, &o);
    Branch *node = t->node + o.node;
    if (s.column < 0) {
      *node = (Branch){(double)(o.rows >> 32) / (double)(uint32_t)o.rows, -1, 0};
      continue;
    }
    const Entry *at = t->list + s.column * t->own + s.at;
    *node = (Branch){((double)at[-1].x + (double)at[0].x) / 2, s.column, (int32_t)t->nodes};
    const Open child[2] = {{o.from, s.at, node->child, s.rows}, {s.at, o.to, node->child + 1, o.rows - s.rows}};
    int64_t before = waiting;
    for (int k = 0; k < 2; k++) {
      uint32_t both = (uint32_t)child[k].rows, ones = (uint32_t)(child[k].rows >> 32);
      if (ones == 0 || ones == both)
        t->node[t->nodes + k] = (Branch){ones > 0, -1, 0};
      else
        t->open[waiting++] = child[k];
    }
    t->nodes += 2;
    if (waiting > before) tree_part(t, &o, &s);
  }
}

/* Trees [from, from + trees) grow on rows index [n] and vote on rows held [m]: votes [m] are added to. */
static inline void forest_vote(const Forest *f, EbbWork *work, uint64_t id, int64_t from, int64_t trees, int64_t n, const int32_t *index, int64_t m,
                               const int32_t *held, float *votes) {
  Tree t;
  tree_new(&t, f, work, n);
  t.id = id;
  for (int64_t k = from; k < from + trees; k++) {
    t.step = (uint32_t)k << 16;
    tree_sample(&t, n, index);
    tree_grow(&t);
    for (int64_t i = 0; i < m; i++) {
      const float *x = f->x + held[i] * f->stride;
      const Branch *node = t.node;
      while (node->column >= 0) node = t.node + node->child + !((double)x[node->column] <= node->threshold);
      votes[i] += (float)node->threshold;
    }
  }
}

#endif

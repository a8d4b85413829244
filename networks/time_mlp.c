/* SPDX-License-Identifier: MIT
 *
 * The default network: a residual MLP that is told the noise level in every block. With w the width, [a, b] side by side:
 *
 *     a = Dense_w(z),   b = Dense_w(data),   h = act(Dense_w(act([a, b])))
 *     each block:   r = dropout(act(Dense_w(h))) + Dense_w(time features),   h = LayerNorm(h + r)
 *     out = Dense_d(h), zero at first: with prediction F the untrained model samples a standard normal
 *
 * b is paid once an observation, time features and their layers once a noise level. */
#include <stdio.h>

#include <ebb/network.h>

typedef struct Config {
  int64_t width, blocks, activation;
  double dropout;
  int64_t frequencies;
  double frequency_scale, frequency_sd;
} Config;

static const EbbParam params[] = {
    EBB_INT(Config, width, 256, 1, 16384, "", "numbers a hidden layer"),
    EBB_INT(Config, blocks, 5, 1, 1000, "", "residual blocks"),
    EBB_CHOICE(Config, activation, EBB_ACT_SILU - 1, EBB_ACTIVATIONS, "of the hidden layers"),
    EBB_ROW(Config, dropout, EBB_T_REAL, EBB_P_OPEN_MAX, 0.05, 0, 1, NULL, "", "share of a block's numbers left out in training", 0, NULL),
    EBB_INT(Config, frequencies, 16, 1, 1024, "", "sines, and as many cosines, of the noise level"),
    EBB_REAL(Config, frequency_scale, 30.0, 1e-6, 1e6, "", "factor of the frequencies"),
    EBB_REAL(Config, frequency_sd, 0.05, 0.0, 1e6, "", "standard deviation of the frequencies before training"),
    EBB_END,
};

static EbbStatus build(const void *self, EbbGraph *g, const EbbInputs *in, EbbNode *out) {
  const Config *c = self;
  int32_t activation = (int32_t)c->activation + 1;
  if (in->data.kind == EBB_SET)
    return g->host->fail(g->host, EBB_E_UNSUPPORTED,
                         "data are sets of varying size, which a plain layer cannot read; give the model a summary network");

  EbbNode time = g->embed_time(g, "time", in->lambda, c->frequencies, c->frequency_scale, c->frequency_sd);
  EbbNode a = g->linear(g, "theta", 1, &in->z, c->width, EBB_INIT_HE, 0);
  EbbNode b = g->linear(g, "data", 1, &in->value, c->width, EBB_INIT_HE, 0);
  EbbNode both[2] = {g->act(g, a, activation), g->act(g, b, activation)};
  EbbNode h = g->act(g, g->linear(g, "join", 2, both, c->width, EBB_INIT_HE, 0), activation);
  for (int64_t k = 1; k <= c->blocks; k++) {
    char dense[32], level[32], norm[32];
    snprintf(dense, sizeof dense, "block%d.dense", (int)k);
    snprintf(level, sizeof level, "block%d.time", (int)k);
    snprintf(norm, sizeof norm, "block%d.norm", (int)k);
    EbbNode r = g->act(g, g->linear(g, dense, 1, &h, c->width, EBB_INIT_HE, 0), activation);
    if (c->dropout > 0) r = g->dropout(g, r, c->dropout);
    r = g->add(g, r, g->linear(g, level, 1, &time, c->width, EBB_INIT_HE, 0));
    h = g->layernorm(g, norm, g->add(g, h, r));
  }
  *out = g->linear(g, "head", 1, &h, ebb_layout_numbers(&in->theta), EBB_INIT_ZERO, 0);
  return EBB_OK;
}

static const EbbNetworkOps ops = {.size = sizeof ops, .roles = EBB_ROLE_FIELD, .build = build};
static const EbbComponent time_mlp = {
    .size = sizeof(EbbComponent),
    .kind = EBB_NETWORK,
    .id = "time_mlp",
    .summary = "residual MLP, shifted by the noise level in every block",
    .version = "1.0",
    .reference = "layers as in 2512.20685; Fourier features 2006.10739, eq. 5",
    .config_size = sizeof(Config),
    .params = params,
    .ops = &ops,
};
EBB_MODULE(&time_mlp)

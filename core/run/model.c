/* SPDX-License-Identifier: MIT
 *
 * Models: instances, maps and their file. */
#include "run/model.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "model/prior.h"

/* Streams of instances: the same whatever else the spec names. */
enum { STREAM_SCHEDULE = 1000, STREAM_OBJECTIVE = 1100, STREAM_NETWORK = 1200 };

static EbbStatus make(Arena *arena, Pool *pool, EbbChild *child, uint32_t stream) { return plugin_create(arena, pool, child, &stream); }

/* What the network is told: the columns, or also their products. */
static EbbStatus choose_inputs(Arena *arena, const Spec *spec, Model *m) {
  int64_t kind = spec->model.inputs;
  bool quadratic =
      kind == SPEC_QUADRATIC || (kind == SPEC_INPUTS_AUTO && m->data.kind == EBB_VECTOR && inputs_afford_products(m->q, spec->simulations.count));
  if (quadratic && m->data.kind != EBB_VECTOR)
    return fail(EBB_E_UNSUPPORTED, "model.inputs quadratic multiplies the numbers of a vector, but the simulator's data are none; use standard");
  if (quadratic && m->q > INPUTS_MOST_SQUARED)
    return fail(EBB_E_UNSUPPORTED, "model.inputs quadratic takes at most %d data numbers, the simulator makes %" PRId64 "; use standard",
                INPUTS_MOST_SQUARED, m->q);
  inputs_new(arena, m->q, quadratic, &m->inputs);
  return EBB_OK;
}

EbbStatus model_new(Arena *arena, Pool *pool, const Spec *spec, const EbbModelInfo *info, Model **out) {
  Model *m = ARENA_NEW(arena, Model);
  *out = m;
  *m = (Model){.arena = arena, .theta = info->theta, .data = info->data, .parameter = info->parameter};
  m->d = ebb_layout_numbers(&info->theta);
  m->q = ebb_layout_numbers(&info->data);
  m->map = ARENA_ARRAY(arena, ParameterMap, m->d);
  EbbStatus status = choose_inputs(arena, spec, m);
  if (status != EBB_OK) return status;
  base_marginal(arena, m->d, m->inputs.n, &m->base);
  for (int64_t j = 0; j < m->d; j++) {
    const EbbParameter *p = &info->parameter[j];
    m->map[j] = (ParameterMap){bijection_of(p->lower, p->upper), p->lower, p->upper, 0, 1};
  }
  if (spec->model.base != SPEC_MARGINAL && m->d > MODEL_MOST_ROTATED)
    return fail(EBB_E_UNSUPPORTED, "model.base %s takes at most %d parameters, the simulator has %" PRId64 "; use marginal", "other than marginal",
                MODEL_MOST_ROTATED, m->d);
  m->schedule = spec->model.schedule;
  m->objective = spec->model.objective;
  m->network = spec->model.network;
  status = make(arena, pool, &m->schedule, STREAM_SCHEDULE);
  if (status == EBB_OK) status = make(arena, pool, &m->objective, STREAM_OBJECTIVE);
  if (status == EBB_OK) status = make(arena, pool, &m->network, STREAM_NETWORK);
  if (status == EBB_OK) status = schedule_view(&m->schedule, &m->view);
  m->view.noise = spec->model.noise;
  if (status != EBB_OK) return status;

  m->needs = (EbbObjectiveNeeds){.size = sizeof m->needs};
  ((const EbbObjectiveOps *)m->objective.ops)->needs(m->objective.self, &m->needs);
  if (m->needs.wants & EBB_OBJ_JVP && spec->model.base != SPEC_MARGINAL)
    return fail(EBB_E_CONFIG, "objective %s is written for data of mean 0 and unit variance; use model.base marginal", m->objective.component->id);
  if (m->needs.wants & EBB_OBJ_JOINT)
    return fail(EBB_E_UNSUPPORTED, "objective %s trains parameters and data jointly, which this version of Ebb does not", m->objective.component->id);
  if (m->needs.prediction > EBB_PREDICT_BOUNDARY)
    return fail(EBB_E_ABI, "objective %s names prediction %u, which does not exist", m->objective.component->id, m->needs.prediction);

  const EbbNetworkOps *net = m->network.ops;
  if (!(net->roles & EBB_ROLE_FIELD))
    return fail(EBB_E_UNSUPPORTED, "network %s summarises data; model.network needs one that answers for parameters", m->network.component->id);
  EbbNode end = -1;
  EbbLayout told = m->data;
  if (m->inputs.n > m->q) told.width = m->inputs.n;
  status = graph_new(arena, plugin_host(&m->network), &m->theta, &told, &m->graph);
  if (status == EBB_OK) status = net->build(m->network.self, graph_builder(m->graph), graph_inputs(m->graph), &end);
  if (status == EBB_OK) status = graph_finish(m->graph, end);
  if (status != EBB_OK) return status;
  if (m->needs.wants & EBB_OBJ_JVP && !graph_can_jvp(m->graph))
    return fail(EBB_E_UNSUPPORTED,
                "objective %s needs tangents of the network, which %s does not give; choose a network all of whose layers have them",
                m->objective.component->id, m->network.component->id);
  m->weights = ARENA_ARRAY(arena, float, graph_floats(m->graph));
  return EBB_OK;
}

void model_free(Model *m) {
  if (m == NULL) return;
  plugin_destroy(&m->network);
  plugin_destroy(&m->objective);
  plugin_destroy(&m->schedule);
}

bool model_links_differ(const Model *m) { return m->base.kind == BASE_ROTATED; }

Link model_link(const Model *m, const EbbLevel *level, int64_t coordinate) {
  double sd = sqrt(m->base.variance[coordinate]);
  EbbLevel own = *level; /* the residual divided by its sd is data of unit variance at a noise level of its own */
  own.alpha *= sd;
  own.dalpha *= sd;
  own.lambda += 2 * log(sd);
  Affine map = prediction_affine(m->needs.prediction, &own);
  if (m->needs.prediction == EBB_PREDICT_BOUNDARY) map = prediction_boundary(&own, exp(-0.5 * m->view.lambda_max) / sd);
  Target aim = prediction_target(m->needs.prediction, &own);
  return (Link){level_input(&own), sd * map.skip, sd * map.gain, aim.x / sd, aim.noise};
}

void model_theta_forward(const Model *m, const float *theta, float *x) {
  if (m->base.to == NULL) {
    for (int64_t j = 0; j < m->d; j++) x[j] = (float)map_forward(&m->map[j], (double)theta[j]);
    return;
  }
  double plain[MODEL_MOST_ROTATED], b[MODEL_MOST_ROTATED];
  for (int64_t j = 0; j < m->d; j++) plain[j] = map_forward(&m->map[j], (double)theta[j]);
  base_forward(&m->base, plain, b);
  for (int64_t j = 0; j < m->d; j++) x[j] = (float)b[j];
}

void model_theta_inverse(const Model *m, const double *x, float *theta) {
  double plain[MODEL_MOST_ROTATED];
  if (m->base.from != NULL) base_inverse(&m->base, x, plain);
  for (int64_t j = 0; j < m->d; j++) theta[j] = (float)map_inverse(&m->map[j], m->base.from != NULL ? plain[j] : x[j]);
}

void model_data_forward(const Model *m, const float *data, float *value) { inputs_forward(&m->inputs, data, value); }

double model_outside(const Model *m, const float *data, int64_t *column) {
  double most = 0;
  *column = -1;
  for (int64_t j = 0; j < m->q; j++) {
    double far = column_outside(&m->inputs.column[j], (double)data[j]);
    if (far > most) {
      most = far;
      *column = j;
    }
  }
  return most;
}

/* ---- The file ---- */

static const char *const bijections[] = {"none", "lower", "upper", "interval"};

static char *parameters_text(Arena *arena, const Model *m) {
  JsonWriter w = {.compact = true};
  json_begin_list(&w);
  for (int64_t j = 0; j < m->d; j++) {
    json_begin_object(&w);
    json_key(&w, "name");
    json_put_string(&w, m->parameter[j].name);
    json_key(&w, "bijection");
    json_put_string(&w, bijections[m->map[j].kind]);
    json_key(&w, "lower"); /* null where there is no bound */
    json_put_real(&w, m->map[j].lower);
    json_key(&w, "upper");
    json_put_real(&w, m->map[j].upper);
    json_key(&w, "centre");
    json_put_real(&w, m->map[j].centre);
    json_key(&w, "scale");
    json_put_real(&w, m->map[j].scale);
    json_end_object(&w);
  }
  json_end_list(&w);
  return str_keep(&w.out, arena);
}

static SafeTensor tensor_of(Arena *arena, const Tensor *t, const char *prefix, const float *weights) {
  return (SafeTensor){.name = arena_print(arena, "%s%s", prefix, t->name),
                      .dtype = "F32",
                      .ndim = t->columns > 0 ? 2 : 1,
                      .shape = {t->rows, t->columns},
                      .data = weights + t->offset,
                      .bytes = (size_t)t->count * sizeof(float)};
}

static int word(const char *text, const char *const *words, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(text, words[i]) == 0) return (int)i;
  return -1;
}

static const char *const bases[] = {"marginal", "rotated", "whitened"};

/* What the base was fitted to, float64 (base.h says what each is). */
static size_t add_base(const Base *b, SafeTensor *out, size_t n) {
  const struct {
    const char *name;
    const double *data;
    int64_t rows, columns;
  } each[] = {{"base.to", b->to, b->d, b->d},
              {"base.from", b->from, b->d, b->d},
              {"base.weight", b->weight, b->q + 1, b->d},
              {"base.variance", b->variance, b->d, 1}};
  for (size_t i = 0; i < COUNT(each); i++)
    out[n++] = (SafeTensor){
        each[i].name, "F64", 2, {each[i].rows, each[i].columns}, each[i].data, (size_t)(each[i].rows * each[i].columns) * sizeof(double)};
  return n;
}

static EbbStatus read_base(Model *m, const SafeFile *file, const char *path) {
  const char *text = safetensors_meta(file, "base");
  int kind = word(text != NULL ? text : "marginal", bases, COUNT(bases));
  base_marginal(m->arena, m->d, m->inputs.n, &m->base);
  if (kind < 0) return fail(EBB_E_IO, "%s: unknown base \"%s\"", path, text);
  if (kind == BASE_MARGINAL) return EBB_OK;
  m->base.kind = (BaseKind)kind;
  const struct {
    const char *name;
    double **at;
    int64_t count;
  } each[] = {{"base.to", &m->base.to, m->d * m->d},
              {"base.from", &m->base.from, m->d * m->d},
              {"base.weight", &m->base.weight, (m->inputs.n + 1) * m->d},
              {"base.variance", &m->base.variance, m->d}};
  for (size_t i = 0; i < COUNT(each); i++) {
    const SafeTensor *t = safetensors_get(file, each[i].name);
    if (t == NULL || strcmp(t->dtype, "F64") != 0 || t->bytes != (size_t)each[i].count * sizeof(double))
      return fail(EBB_E_SHAPE, "%s: expected tensor %s with %" PRId64 " float64 numbers", path, each[i].name, each[i].count);
    *each[i].at = ARENA_ARRAY(m->arena, double, each[i].count);
    memcpy(*each[i].at, t->data, t->bytes);
  }
  return EBB_OK;
}

EbbStatus model_write(const Model *m, const char *path, const float *raw, const char *spec_text, const SafeMeta *more, size_t more_n) {
  Arena *arena = arena_new();
  size_t n;
  const Tensor *tensors = graph_tensors(m->graph, &n);
  SafeTensor *out = ARENA_ARRAY(arena, SafeTensor, 2 * n + 4);
  for (size_t i = 0; i < n; i++) {
    out[i] = tensor_of(arena, &tensors[i], "", raw);
    out[n + i] = tensor_of(arena, &tensors[i], "ema.", m->weights);
  }
  size_t tensors_n = 2 * n;
  if (m->base.kind != BASE_MARGINAL) tensors_n = add_base(&m->base, out, tensors_n);
  enum { OWN = 10 };
  SafeMeta *meta = ARENA_ARRAY(arena, SafeMeta, OWN + more_n);
  size_t k = 0;
  meta[k++] = (SafeMeta){"format", "ebb"};
  meta[k++] = (SafeMeta){"spec", spec_text};
  meta[k++] = (SafeMeta){"parameters", parameters_text(arena, m)};
  meta[k++] = (SafeMeta){"columns", inputs_columns_text(arena, &m->inputs)};
  meta[k++] = (SafeMeta){"products", inputs_products_text(arena, &m->inputs)};
  meta[k++] = (SafeMeta){"base", bases[m->base.kind]};
  meta[k++] = (SafeMeta){"prediction", prediction_name(m->needs.prediction)};
  meta[k++] = (SafeMeta){"lambda_min", arena_print(arena, "%.17g", m->view.lambda_min)};
  meta[k++] = (SafeMeta){"lambda_max", arena_print(arena, "%.17g", m->view.lambda_max)};
  meta[k++] = (SafeMeta){"parameter_count", arena_print(arena, "%" PRId64, graph_parameters(m->graph))};
  for (size_t i = 0; i < more_n; i++) meta[k++] = more[i];
  EbbStatus status = safetensors_write(path, out, tensors_n, meta, k);
  arena_free(arena);
  return status;
}

EbbStatus model_read(Model *m, const char *path) {
  SafeFile file;
  EbbStatus status = safetensors_open(m->arena, path, &file);
  if (status != EBB_OK) return status;
  Json *parameters;
  status = safetensors_list(m->arena, &file, path, "parameters", m->d, &parameters);
  if (status == EBB_OK) status = inputs_read(m->arena, &file, path, &m->inputs);
  if (status != EBB_OK) goto end;
  int64_t j = 0;
  for (const Json *p = parameters->first; p != NULL; p = p->next, j++) {
    const char *name = json_string(p, "name", "");
    int kind = word(json_string(p, "bijection", ""), bijections, COUNT(bijections));
    if (strcmp(name, m->parameter[j].name) != 0 || kind < 0) {
      status = fail(EBB_E_SHAPE, "%s: parameter %" PRId64 " is \"%s\", the simulator calls it \"%s\"", path, j + 1, name, m->parameter[j].name);
      goto end;
    }
    m->map[j] = (ParameterMap){(Bijection)kind, json_number(p, "lower", -INFINITY), json_number(p, "upper", INFINITY), json_number(p, "centre", 0),
                               json_number(p, "scale", 1)};
  }
  size_t n;
  const Tensor *tensors = graph_tensors(m->graph, &n);
  for (size_t i = 0; i < n && status == EBB_OK; i++) {
    const char *name = arena_print(m->arena, "ema.%s", tensors[i].name);
    const SafeTensor *t = safetensors_get(&file, name);
    if (t == NULL || strcmp(t->dtype, "F32") != 0 || t->bytes != (size_t)tensors[i].count * sizeof(float))
      status = fail(EBB_E_SHAPE, "%s: expected tensor %s with %" PRId64 " float32 numbers, %s", path, name, tensors[i].count,
                    t == NULL ? "found none" : "found another shape");
    else
      memcpy(m->weights + tensors[i].offset, t->data, t->bytes);
  }
  if (status == EBB_OK) status = read_base(m, &file, path);
end:
  safetensors_close(&file);
  return status;
}

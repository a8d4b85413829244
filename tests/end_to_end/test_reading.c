/* SPDX-License-Identifier: MIT
 *
 * What Ebb leaves, read by others: NumPy, the safetensors package, JSON, configs/read_model.py, the README's lines. EBB_PYTHON names the interpreter
 * (python3); without one that has numpy (and safetensors) the tests are skipped. */
#include <signal.h>

#include "ebb.h"

static Folder begin(const char *spec) {
  Folder f = folder_begin();
  put_text(&f, "spec.yaml", spec);
  put_text(&f, "x.csv", "a,b\n0.25,-0.5\n-0.1,0.2\n0.7,0.9\n");
  static const float x[3][2] = {{0.25f, -0.5f}, {-0.1f, 0.2f}, {0.7f, 0.9f}};
  put_rows(&f, "x.npy", 3, 2, &x[0][0]);
  return f;
}

static void arrays_and_manifest_are_plain(void) {
  Folder f = begin(small_spec);
  if (has_python(&f, "numpy")) {
    Call call = sh(&f, "$EBB run spec.yaml");
    ENDS(call, 0, NULL);
    put_text(&f, "read.py",
             "import csv, hashlib, json, numpy as np\n"
             "run = 'runs/spec/'\n"
             "manifest = json.load(open(run + 'manifest.json'))\n"
             "theta, x = (np.load(run + f'simulations/{name}.npy', mmap_mode='r', allow_pickle=False) for name in ('theta', 'x'))\n"
             "draws = np.load(run + 'posterior/theta.npy', mmap_mode='r', allow_pickle=False)\n"
             "assert theta.shape == (600, 2) and x.shape == (600, 2) and draws.shape == (2, 300, 2)\n"
             "assert {a.dtype.str for a in (theta, x, draws)} == {'<f4'}\n"
             "assert np.load(run + 'simulations/failed.npy').sum() == manifest['failed_simulations'] == 0\n"
             "assert manifest['parameters'] == ['theta1', 'theta2'] and manifest['seed'] == '7'\n"
             "for name, digest in manifest['files'].items():\n"
             "    assert hashlib.sha256(open(run + name, 'rb').read()).hexdigest() == digest, name\n"
             "for plugin in manifest['plugins']:\n"
             "    assert hashlib.sha256(open(plugin['file'], 'rb').read()).hexdigest() == plugin['sha256'], plugin\n"
             "for row in csv.DictReader(open(run + 'posterior/summary.csv')):\n"
             "    column = draws[int(row['observation']) - 1, :, manifest['parameters'].index(row['parameter'])].astype(float)\n"
             "    assert abs(float(row['mean']) - column.mean()) < 1e-6 and abs(float(row['sd']) - column.std(ddof=1)) < 1e-6, row\n"
             "    for q in ('05', '25', '50', '75', '95'):\n"
             "        assert abs(float(row['q' + q]) - np.quantile(column, int(q) / 100)) < 1e-6, row\n"
             "training = list(csv.DictReader(open(run + 'training.csv')))\n"
             "assert len(training) > 0 and all(float(v) >= 0 for r in training for k, v in r.items() if 'loss' not in k)\n");
    call = sh(&f, "%s read.py", python());
    ENDS(call, 0, NULL);
  }
  folder_end(&f);
}

/* A20: texts with everything in them, the largest seed, and data at multiples of 8. */
static void the_safetensors_package_opens_every_model(void) {
  Folder f = begin(small_spec);
  if (has_python(&f, "numpy, safetensors")) {
    Call call =
        sh(&f, "mkdir -p 'data/\303\244 \"x\"' && cp x.csv 'data/\303\244 \"x\"/' && $EBB run spec.yaml --set seed=18446744073709551615 --set "
               "'sampling.observations={file: \"data/\303\244 \\\"x\\\"/x.csv\"}'");
    ENDS(call, 0, NULL);
    Child child = sh_begin(&f, "exec $EBB run spec.yaml --name stopped --set training.epochs=100000 --set training.patience=0");
    for (int k = 0; k < 2000 && sh(&f, "ls runs/.store/train-*.work").status != 0; k++) wait_seconds(0.01);
    wait_seconds(0.3);
    kill(child.process, SIGTERM);
    call = sh_end(&f, child);
    EXPECT(call, call.status == 143);
    put_text(&f, "read.py",
             "import glob, json, struct\n"
             "from safetensors import safe_open\n"
             "files = ['runs/spec/model.safetensors'] + glob.glob('runs/.store/train-*.work/checkpoint.safetensors')\n"
             "assert len(files) == 2, files\n"
             "for path in files:\n"
             "    with safe_open(path, 'np') as f:\n"
             "        assert len(list(f.keys())) > 5 and all(isinstance(v, str) for v in f.metadata().values())\n"
             "        for k in f.keys(): f.get_tensor(k)\n"
             "    n, = struct.unpack('<Q', open(path, 'rb').read(8))\n"
             "    assert n % 8 == 0\n"
             "with safe_open(files[0], 'np') as f:\n"
             "    assert 'seed: 18446744073709551615' in f.metadata()['spec'] and '\\u00e4' in f.metadata()['spec']\n"
             "    assert f.get_tensor('head.weight').shape == f.get_tensor('ema.head.weight').shape == (2, 32)\n"
             "    total = sum(f.get_tensor(k).size for k in f.keys() if k.startswith('ema.'))\n"
             "    assert total == int(f.metadata()['parameter_count']), total\n");
    call = sh(&f, "PYTHONIOENCODING=utf-8 %s read.py", python());
    ENDS(call, 0, NULL);
  }
  folder_end(&f);
}

static void read_model_agrees_with_ebb(void) {
  static const char *const models[] = {
      "",
      "--set model.network.activation=mish --set model.objective.predict=v --set model.network.blocks=3",
      "--set model.network.activation=gelu --set model.objective.predict=x --set model.network.frequencies=5",
      "--set model.network.activation=tanh --set model.objective.predict=noise --set model.network.frequency_scale=3",
      "--set model.network.activation=relu --set model.objective.predict=score",
      "--set simulator.use=linear_gaussian --set 'simulator={use: linear_gaussian, d: 5, q: 2}'",
      "--set model.base=linear_gaussian",
      "--set model.base=linear_gaussian --set model.objective.predict=v",
      "--set model.base=whitened --set model.objective.predict=x",
      "--set model.inputs=quadratic",
      "--set model.inputs=quadratic --set model.base=linear_gaussian",
  };
  Folder f = begin(small_spec);
  if (has_python(&f, "numpy, safetensors"))
    for (size_t i = 0; i < COUNT(models); i++) {
      Call call = sh(&f,
                     "$EBB run spec.yaml --set training.epochs=30 %s && " FIELD " runs/spec x.npy field_ && %s " SOURCE
                     "/tests/end_to_end/check_read_model.py " SOURCE "/configs runs/spec/model.safetensors x.npy field_",
                     models[i], python());
      ENDS(call, 0, "150 answers");
    }
  folder_end(&f);
}

/* The block of README.md that begins with "# read a run" runs on a run of its name. */
static void the_lines_of_the_readme_run(void) {
  Folder f = begin(small_spec);
  Call block =
      sh(&f, "sed -n '/^```python$/,/^```$/p' " SOURCE "/README.md | sed -n '/^# read a run/,/^```$/p' | grep -v '^```' > read.py; test -s read.py");
  if (block.status != 0)
    printf("SKIP: README.md has no block that begins with \"# read a run\" ");
  else if (has_python(&f, "numpy")) {
    Call call = sh(&f, "$EBB run spec.yaml --name two_moons && %s read.py", python());
    ENDS(call, 0, "theta1");
  }
  folder_end(&f);
}

static void the_plot_of_a_run_is_drawn(void) {
  Folder f = begin(small_spec);
  if (has_python(&f, "numpy")) {
    Call call = sh(&f, "$EBB run spec.yaml && %s " SOURCE "/configs/plot_posterior.py runs/spec plot.svg", python());
    ENDS(call, 0, NULL);
    CU_ASSERT(strstr(get_text(&f, "plot.svg"), "observation 2") != NULL);
  }
  folder_end(&f);
}

static const Test tests[] = {
    {"NumPy reads every array, JSON the manifest, and they agree", arrays_and_manifest_are_plain},
    {"the safetensors package opens models and checkpoints", the_safetensors_package_opens_every_model},
    {"read_model.py answers as Ebb does", read_model_agrees_with_ebb},
    {"the README's lines of reading run", the_lines_of_the_readme_run},
    {"the plot of a run is drawn", the_plot_of_a_run_is_drawn},
};

TEST_MAIN("read by others", tests)

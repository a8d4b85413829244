/* SPDX-License-Identifier: MIT
 *
 * Sinks in whole runs: what a spec's list of them leaves in the run's folder, opened by NumPy and by ArviZ where they are, and that they change
 * nothing else. */
#include "ebb.h"

static const char *const spec = "seed: 7\n"
                                "simulator: {use: two_moons}\n"
                                "simulations: {count: 600}\n"
                                "model: {network: {use: time_mlp, width: 32, blocks: 1}}\n"
                                "training: {epochs: 5}\n"
                                "sampling: {observations: {index: [3, 1]}, draws: 300}\n";

static Folder begin(void) {
  Folder f = folder_begin();
  put_text(&f, "spec.yaml", spec);
  return f;
}

static bool has_netcdf(const Folder *f) {
  if (sh(f, "$EBB describe sink/netcdf").status == 0) return true;
  printf("SKIP: libnetcdf was not there when this was built ");
  return false;
}

/* The default is no sink: the run's own files are .npy and .csv. With sinks the stages keep their keys, and what a sink wrote is written again. */
static void sinks_change_nothing_else(void) {
  Folder f = begin();
  Call call = sh(&f, "$EBB run spec.yaml && ls runs/spec");
  ENDS(call, 0, NULL);
  CU_ASSERT(strstr(call.out, "draws.csv") == NULL && strstr(call.out, "arrays") == NULL);
  char *before = bits(&f, "runs/spec/posterior/theta.npy");
  call = sh(&f, "$EBB run spec.yaml --set 'sinks=[{use: csv}, {use: npy}]'");
  ENDS(call, 0, "nothing to do");
  CU_ASSERT(call_says(&call, "sink csv: written to runs/spec") && call_says(&call, "sink npy: written to runs/spec"));
  CU_ASSERT_STRING_EQUAL(bits(&f, "runs/spec/posterior/theta.npy"), before);
  CU_ASSERT(strstr(get_text(&f, "runs/spec/manifest.json"), "\"sink\"") != NULL);
  CU_ASSERT(strstr(get_text(&f, "runs/spec/spec.yaml"), "use: csv") != NULL);
  char *table = bits(&f, "runs/spec/draws.csv");
  call = sh(&f, "rm runs/spec/draws.csv && $EBB sample runs/spec/spec.yaml --name spec");
  ENDS(call, 0, "nothing to do");
  CU_ASSERT_STRING_EQUAL(bits(&f, "runs/spec/draws.csv"), table);
  call = sh(&f, "$EBB train spec.yaml --name trained --set 'sinks=[{use: csv}]' && ls runs/trained"); /* no draws, nothing to write */
  EXPECT(call, call.status == 0 && strstr(call.out, "draws.csv") == NULL);
  folder_end(&f);
}

static void arrays_and_table_agree_with_the_run(void) {
  Folder f = begin();
  if (has_python(&f, "numpy")) {
    put_text(&f, "x.csv", "a,b,c,d,e\n0,0.1,0.2,0.3,0.4\n1,0,1,0,1\n");
    Call call = sh(&f, "$EBB run spec.yaml --set 'sinks=[{use: csv}, {use: npy}]' && $EBB run spec.yaml --name wide --plugin-dir $PLUGINS "
                       "--set 'sinks=[{use: npy}]' --set 'simulator={use: workbench, d: 5}' --set 'sampling.observations={file: x.csv}' "
                       "--set 'evaluation=[{use: witness, density: true}]' && ls runs/.store/density-*/log_q.npy > where");
    ENDS(call, 0, NULL);
    put_text(&f, "read.py",
             "import csv, numpy as np\n"
             "def load(run, group): \n"
             "    import glob, os\n"
             "    return {os.path.basename(p)[:-4]: np.load(p, allow_pickle=False) for p in glob.glob(f'runs/{run}/arrays/{group}/*.npy')}\n"
             "theta = np.load('runs/spec/posterior/theta.npy')\n"
             "posterior, prior, stats = load('spec', 'posterior'), load('spec', 'prior'), load('spec', 'sample_stats')\n"
             "observed, constant = load('spec', 'observed_data'), load('spec', 'constant_data')\n"
             "assert sorted(posterior) == ['chain', 'draw', 'observation', 'theta1', 'theta2'], posterior.keys()\n"
             "assert posterior['theta1'].shape == (1, 300, 2) and posterior['theta1'].dtype == '<f4'\n"
             "for j in (0, 1): assert (posterior[f'theta{j + 1}'][0] == theta[:, :, j].T).all()\n"
             "assert list(posterior['observation']) == [3, 1] and list(posterior['draw'][:3]) == [0, 1, 2] and list(posterior['chain']) == [0]\n"
             "assert prior['theta2'].shape == (1, 10000) and abs(prior['theta2']).max() < 1 and abs(prior['theta2'].mean()) < .03\n"
             "assert stats['failed'].sum() == 0 and stats['failed'].dtype == '|u1' and list(stats['evaluations']) == [12, 12]\n"
             "assert np.allclose(observed['x'], [[0.0030109584, -0.6457662], [-0.6396706, 0.16234657]])\n"
             "assert list(observed['number']) == [1, 2] and list(observed['observation']) == [3, 1]\n"
             "assert np.allclose(constant['theta1'], [0.73016036, -0.8176656]) and np.allclose(constant['theta2'], [-0.3217839, -0.5756806])\n"
             "rows = list(csv.DictReader(open('runs/spec/draws.csv')))\n"
             "assert len(rows) == 1200 and set(rows[0]) == {'chain', 'draw', 'observation', 'parameter', 'value'}\n"
             "for r in rows:\n"
             "    k = {'3': 0, '1': 1}[r['observation']]\n"
             "    assert np.float32(r['value']) == theta[k, int(r['draw']), int(r['parameter'][-1]) - 1], r\n"
             "wide, file, q = load('wide', 'sample_stats'), np.load('runs/wide/posterior/theta.npy'), np.load(open('where').read().strip())\n"
             "assert wide['lp'].shape == (1, 300, 2) and (wide['lp'][0] == q.T).all()\n"
             "assert not load('wide', 'constant_data') and sorted(load('wide', 'prior')) == ['chain', 'draw'] + [f'theta{j}' for j in range(1, 6)]\n"
             "assert all((load('wide', 'posterior')[f'theta{j + 1}'][0] == file[:, :, j].T).all() for j in range(5))\n");
    call = sh(&f, "%s read.py", python());
    ENDS(call, 0, NULL);
  }
  folder_end(&f);
}

static void arviz_opens_the_netcdf_file(void) {
  Folder f = begin();
  if (has_netcdf(&f) && has_python(&f, "arviz")) {
    Call call = sh(&f, "$EBB run spec.yaml --set 'sinks=[{use: netcdf}]'");
    ENDS(call, 0, NULL);
    put_text(&f, "read.py",
             "import json, arviz, numpy as np\n"
             "data = arviz.from_netcdf('runs/spec/inference_data.nc')\n"
             "theta = np.load('runs/spec/posterior/theta.npy')\n"
             "groups = {g.strip('/') for g in (data.groups() if callable(data.groups) else data.groups)} - {''}\n"
             "assert groups == {'posterior', 'prior', 'observed_data', 'constant_data', 'sample_stats'}, groups\n"
             "p = data['posterior']\n"
             "assert p['theta1'].dims == ('chain', 'draw', 'observation') and dict(p.sizes) == {'chain': 1, 'draw': 300, 'observation': 2}\n"
             "assert list(p['observation'].values) == [3, 1] and list(p['draw'].values) == list(range(300)) and list(p['chain'].values) == [0]\n"
             "for j in (0, 1): assert (p[f'theta{j + 1}'].values[0] == theta[:, :, j].T).all()\n"
             "one = p['theta2'].sel(observation=1).values\n"
             "assert (one[0] == theta[1, :, 1]).all()\n"
             "assert data['prior']['theta1'].dims == ('chain', 'draw') and data['prior'].sizes['draw'] == 10000\n"
             "assert data['observed_data']['x'].dims == ('observation', 'number')\n"
             "assert abs(float(data['constant_data']['theta1'].sel(observation=3)) - 0.73016036) < 1e-6\n"
             "assert data['sample_stats']['failed'].values.sum() == 0\n"
             "manifest = json.load(open('runs/spec/manifest.json'))\n"
             "assert p.attrs['inference_library'] == 'ebb' and p.attrs['inference_library_version'] == manifest['ebb_version']\n"
             "assert p.attrs['created_at'] == manifest['started']\n"
             "try:\n"
             "    table = arviz.summary(data, var_names=['theta1'], kind='stats')\n"
             "    means = table['mean'].astype(float).to_numpy()\n"
             "    assert len(means) == 2 and abs(means - theta[:, :, 0].mean(1)).max() < .01, table\n"
             "finally: data.close() if hasattr(data, 'close') else None\n");
    call = sh(&f, "%s -W ignore read.py", python());
    ENDS(call, 0, NULL);
  }
  folder_end(&f);
}

/* Before any work. */
static void impossible_sinks_are_told_before_any_work(void) {
  Folder f = begin();
  put_text(&f, "x.csv", "x\n0.5\n");
  static const struct {
    const char *set, *says;
  } wrong[] = {{"sinks=[{use: cvs}]", "did you mean \"csv\""},
               {"sinks=[{use: csv}, {use: csv}]", "sinks names csv twice"},
               {"sinks=[{use: csv, file: a.csv}]", "unknown key"}};
  for (size_t i = 0; i < COUNT(wrong); i++) {
    Call call = sh(&f, "$EBB run spec.yaml --set '%s'", wrong[i].set);
    ENDS(call, 2, wrong[i].says);
  }
  Call call = sh(&f, "$EBB run spec.yaml --plugin-dir $PLUGINS --set 'simulator={use: workbench, d: 1, name: draw}' --set "
                     "'sampling.observations={file: x.csv}' --set 'sinks=[{use: csv}]'");
  ENDS(call, 2, "a parameter is called draw");
  call = sh(&f, "ls runs/.store/* 2>/dev/null | head -n 1");
  CU_ASSERT_STRING_EQUAL(call.out, "");
  folder_end(&f);
}

static void a_sink_that_cannot_write_fails_the_run_that_is_whole(void) {
  Folder f = begin();
  Call call = sh(&f, "mkdir -p runs/spec/draws.csv/below && $EBB run spec.yaml --set 'sinks=[{use: csv}]'");
  EXPECT(call, call.status == 1 && call_says(&call, "sink/csv: runs/spec/draws.csv cannot be written: "));
  call = sh(&f, "ls -A runs/spec && rm -r runs/spec/draws.csv && $EBB run spec.yaml --set 'sinks=[{use: csv}]'");
  EXPECT(call,
         call.status == 0 && strstr(call.out, ".tmp") == NULL && strstr(call.out, "manifest.json") != NULL && call_says(&call, "nothing to do"));
  folder_end(&f);
}

static const Test tests[] = {
    {"sinks change nothing else", sinks_change_nothing_else},
    {"arrays and table agree with the run", arrays_and_table_agree_with_the_run},
    {"ArviZ opens the netCDF file", arviz_opens_the_netcdf_file},
    {"impossible sinks are told before any work", impossible_sinks_are_told_before_any_work},
    {"a sink that cannot write fails the run, which is whole", a_sink_that_cannot_write_fails_the_run_that_is_whole},
};

TEST_MAIN("sinks in runs", tests)

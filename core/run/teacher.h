/* SPDX-License-Identifier: MIT
 *
 * The trained model that a distillation learns from (EBB_OBJ_TEACHER): of a finished run, named by the objective's parameter `teacher`. */
#ifndef EBB_RUN_TEACHER_H
#define EBB_RUN_TEACHER_H

#include "run/chain.h"
#include "run/run.h"

/* The teacher's field, without conditions: those come with the rows. The student is given the teacher's maps, so that both speak of the same
 * numbers. */
EbbStatus teacher_open(Run *, Model *student, NetworkField *out);
/* The teacher's model file by the spec; NULL if it names none. */
const char *teacher_file(Arena *, const Spec *);

#endif

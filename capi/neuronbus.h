/* Join a brain from C: attach by the path of its directory, fire, read, detach.
 * Every function that can fail returns one of the codes below. A handle belongs to one thread at a time.
 * Link with -lneuronbus_c. */
#ifndef NEURONBUS_H
#define NEURONBUS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    NB_OK = 0,       /* It was done. */
    NB_NOTHING = 1,  /* Nothing came within the time. */
    NB_FULL = 2,     /* No room within the time: the cortex has not caught up. */
    NB_GONE = 3,     /* The cortex has died; another may come. */
    NB_ENDED = 4,    /* The cortex has ended; another may come. */
    NB_CUT = 5,      /* The payload was longer than the buffer and is cut off. */
    NB_REFUSED = 6,  /* No such brain or gate, its place is taken, or its files are not of this version. */
    NB_ARGUMENT = 7, /* An address is null, or a text is no UTF-8. */
    NB_DEFECT = 8    /* A defect of the library. */
};

typedef struct nb_brain_t nb_brain_t;
typedef struct nb_sensory_t nb_sensory_t;
typedef struct nb_motor_t nb_motor_t;

/* Joins the brain in a directory; leaves it again. What was opened through it stays open. */
int nb_attach(const char *path, nb_brain_t **brain);
void nb_detach(nb_brain_t *brain);

/* A sensory gate: sends spikes in, waiting up to so many nanoseconds for room. */
int nb_sensory(const nb_brain_t *brain, const char *gate, nb_sensory_t **sensory);
int nb_fire(nb_sensory_t *sensory, const uint8_t *payload, size_t length, uint64_t timeout_ns);
void nb_sensory_close(nb_sensory_t *sensory);

/* A motor gate: copies the next spike's payload into a buffer, waiting up to so many nanoseconds for one.
 * `length` is what the payload had, also when the buffer was too short for it. */
int nb_motor(const nb_brain_t *brain, const char *gate, nb_motor_t **motor);
int nb_read(nb_motor_t *motor, uint8_t *buffer, size_t capacity, size_t *length, uint64_t timeout_ns);
void nb_motor_close(nb_motor_t *motor);

#ifdef __cplusplus
}
#endif

#endif

/* Join a brain from C: attach by the path of its directory, fire, read, detach.
 * Every function that can fail returns one of the codes below. A handle belongs to one thread at a time.
 * Link with -lneuronbus_c.
 *
 * Made from capi/src/lib.rs by `UPDATE_HEADER=1 cargo test -p neuronbus-c`. */

#ifndef NEURONBUS_H
#define NEURONBUS_H

#include <stddef.h>
#include <stdint.h>
typedef struct nb_brain_t nb_brain_t;
typedef struct nb_sensory_t nb_sensory_t;
typedef struct nb_motor_t nb_motor_t;


/*
 It was done.
 */
#define NB_OK 0

/*
 Nothing came within the time.
 */
#define NB_NOTHING 1

/*
 No room within the time: the cortex has not caught up.
 */
#define NB_FULL 2

/*
 The cortex has died; another may come.
 */
#define NB_GONE 3

/*
 The cortex has ended; another may come.
 */
#define NB_ENDED 4

/*
 The payload was longer than the buffer and is cut off.
 */
#define NB_CUT 5

/*
 There is no such brain or gate, its place is taken, or its files are not of this version.
 */
#define NB_REFUSED 6

/*
 An address is null, or a text is no UTF-8.
 */
#define NB_ARGUMENT 7

/*
 A defect of the library.
 */
#define NB_DEFECT 8

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Joins the brain in a directory.
 */
int nb_attach(const char *path, nb_brain_t **brain);

/*
 Leaves a brain; what was opened through it stays open.
 */
void nb_detach(nb_brain_t *brain);

/*
 Opens a sensory gate to send spikes in.
 */
int nb_sensory(const nb_brain_t *brain, const char *gate, nb_sensory_t **sensory);

/*
 Sends a spike, waiting up to so many nanoseconds for room.
 */
int nb_fire(nb_sensory_t *sensory, const uint8_t *payload, size_t length, uint64_t timeout_ns);

/*
 Closes a sensory gate; what was accepted stays accepted.
 */
void nb_sensory_close(nb_sensory_t *sensory);

/*
 Opens a motor gate to read what is sent out from now on.
 */
int nb_motor(const nb_brain_t *brain, const char *gate, nb_motor_t **motor);

/*
 Copies the next spike's payload into a buffer, waiting up to so many nanoseconds for one; `length` is what it had.
 */
int nb_read(nb_motor_t *motor,
            uint8_t *buffer,
            size_t capacity,
            size_t *length,
            uint64_t timeout_ns);

/*
 Closes a motor gate; the cortex does not wait for it any more.
 */
void nb_motor_close(nb_motor_t *motor);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* NEURONBUS_H */

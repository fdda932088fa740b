/* Sends a thousand spikes into a brain and reads the answers:  peer /dev/shm/demo */
#include <stdio.h>
#include <string.h>

#include "neuronbus.h"

#define SPIKES 1000
#define PATIENCE 30000000000ull

int main(int count, char **args) {
    nb_brain_t *brain;
    nb_sensory_t *ear;
    nb_motor_t *voice;
    if (count < 2 || nb_attach(args[1], &brain) != NB_OK) return 1;
    if (nb_motor(brain, "voice", &voice) != NB_OK) return 2;
    if (nb_sensory(brain, "ear", &ear) != NB_OK) return 3;
    for (uint32_t number = 0; number < SPIKES; number++) {
        /* Short ones travel in the spike itself, long ones through shared memory. */
        uint8_t sent[300] = {0}, heard[300];
        size_t length = number % 7 ? sizeof number : sizeof sent, got = 0;
        memcpy(sent, &number, sizeof number);
        if (nb_fire(ear, sent, length, PATIENCE) != NB_OK) return 4;
        if (nb_read(voice, heard, sizeof heard, &got, PATIENCE) != NB_OK) return 5;
        if (got != length || memcmp(sent, heard, length) != 0) return 6;
    }
    printf("%d sent and answered\n", SPIKES);
    if (nb_sensory(brain, "no such gate", &ear) != NB_REFUSED) return 7;
    if (nb_fire(NULL, NULL, 0, 0) != NB_ARGUMENT) return 8;
    nb_motor_close(voice);
    nb_detach(brain);
    return 0;
}

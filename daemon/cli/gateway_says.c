#include "gateway_says.h"

#include "words.h"

#include <stdio.h>
#include <string.h>

/* Those with places are found by retell(). */
static const char *const sentences[] = {
    /* plugins/common/trunk_session.c, smpp, cmpp */
    N_("peer does not read our answers"),
    N_("no address"),
    N_("draining"),
    N_("it does not answer any more"),
    N_("a PDU was left unfinished"),
    N_("no connection in time"),
    N_("no answer to the login in time"),
    N_("no answer to the logout in time"),
    N_("bind refused: %s (0x%08x)"),
    N_("login refused: status %u, %s"),
    N_("login refused: status %u"),
    N_("the gateway does not know our secret"),
    N_("the gateway speaks CMPP %s, version says %s"),
    N_("unbound by the peer"),
    N_("unbound"),
    N_("terminated by the peer"),
    N_("terminated"),
    N_("connection lost"),
    N_("no response in time"),
    /* plugins/exec */
    N_("it ended: %s"),
    N_("it talks nonsense"),
    N_("it does not read its stdin"),
    N_("it says nothing"),
    N_("it has not said that it is ready"),
    N_("it has closed a pipe"),
    /* plugins/modem */
    N_("the SIM refuses the PIN"),
    N_("the SIM wants: %s"),
    N_("the device is gone"),
    N_("another program has it (a daemon: drain its gateway)"),
    N_("%u of %zu modems ready"),
    N_("draining, %s"),
    N_("%s; %s"), /* one modem after the other */
    N_("%u: away"),
    N_("%u: starting"),
    N_("%u: left"),
    N_("%s no signal"), /* behind the operator's name */
    N_("no network"),
    N_("no SIM card"),
    N_("the modem does not answer"),
    /* the plugins' host */
    N_("the plugin has not answered"),
    N_("the plugin's answer makes no sense"),
    /* plugins/telegram */
    N_("they have asked for a pause"),
};

#define COUNT (sizeof sentences / sizeof *sentences)

const char *gateway_says(const char *english, char out[RETELL_BYTES])
{
    size_t i;

    for (i = 0; i < COUNT; i++)
        if (strcmp(sentences[i], english) == 0)
            break;
    if (i == COUNT) /* made of one of them, or a provider's own */
        return retell(english, out);
    snprintf(out, RETELL_BYTES, "%s", words_of(sentences[i]));
    return out;
}

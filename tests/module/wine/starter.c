/* The fake tenant as the Windows tests start it. Under wine a Windows process cannot give its pipes to a Linux program,
 * so this program asks starter.py on the port in FEDXDR_STARTER for one: it sends its arguments, a line each, and an
 * empty line. What the server prints comes back. The server ends with this program, and with its input if told so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winsock2.h>

static SOCKET server;

static DWORD WINAPI wait_for_end_of_input(LPVOID unused) {
    (void)unused;
    while (getchar() != EOF) {
    }
    shutdown(server, SD_SEND);
    return 0;
}

int main(int argc, char **argv) {
    const char *port = getenv("FEDXDR_STARTER");
    WSADATA data;
    if (port == NULL || WSAStartup(MAKEWORD(2, 2), &data) != 0) return 2;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((u_short)atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(server, (struct sockaddr *)&address, sizeof address) != 0) return 3;
    int until_input_ends = 0;
    for (int i = 1; i <= argc; i++) {
        const char *line = i < argc ? argv[i] : "";
        if (strcmp(line, "--until-stdin-closes") == 0) until_input_ends = 1;
        send(server, line, (int)strlen(line), 0);
        send(server, "\n", 1, 0);
    }
    if (until_input_ends) CreateThread(NULL, 0, wait_for_end_of_input, NULL, 0, NULL);
    char text[4096];
    for (int length; (length = recv(server, text, sizeof text, 0)) > 0;) {
        fwrite(text, 1, (size_t)length, stdout);
        fflush(stdout);
    }
    return 0;
}

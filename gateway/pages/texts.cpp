#include "pages/texts.hpp"

#include <stdexcept>
#include <string>

namespace clawgate::pages {
namespace {

constexpr text_entry table[] = {
    // Signing in
    {"sign_in", "Sign in", "Entrar"},
    {"sign_out", "Sign out", "Sair"},
    {"sign_in_agent", "Sign in to {{name}}", "Entrar em {{name}}"},
    {"sign_in_control", "Sign in to Clawgate", "Entrar no Clawgate"},
    {"lead_agent", "Enter the password to open this agent’s dashboard.",
     "Digite a senha para abrir o painel deste agente."},
    {"lead_control", "Enter the password to see your agents and open them.",
     "Digite a senha para ver e abrir os seus agentes."},
    {"password_label", "Password (not stored)", "Senha (não é armazenada)"},
    {"password_note",
     "The password is checked and then forgotten. This browser only keeps a session cookie, until you sign "
     "out or it "
     "expires.",
     "A senha é conferida e logo esquecida. Este navegador guarda apenas um cookie de sessão, até você sair "
     "ou ele "
     "expirar."},

    // Notices above the password
    {"wrong_password", "Wrong password. Check it and try again.",
     "Senha incorreta. Confira e tente de novo."},
    {"locked_out", "Too many wrong passwords. Try again in {{time}}.",
     "Muitas senhas incorretas. Tente de novo em {{time}}."},
    {"busy", "Too many passwords are being checked right now. Yours was not: try again in {{time}}.",
     "Muitas senhas estão sendo conferidas agora. A sua ainda não foi: tente de novo em {{time}}."},
    {"signed_out", "You have signed out.", "Você saiu da sua sessão."},
    {"session_ended", "Your session has ended. Sign in again to go on.",
     "Sua sessão terminou. Entre de novo para continuar."},
    {"bad_form", "The form arrived incomplete, or from another site. Please try again here.",
     "O formulário chegou incompleto ou veio de outro site. Tente de novo por aqui."},
    {"one_second", "1 second", "1 segundo"},
    {"seconds", "{{count}} seconds", "{{count}} segundos"},
    {"one_minute", "1 minute", "1 minuto"},
    {"minutes", "{{count}} minutes", "{{count}} minutos"},

    // Waiting for an agent
    {"starting", "{{name}} is starting", "{{name}} está iniciando"},
    {"restarting", "{{name}} is restarting", "{{name}} está reiniciando"},
    {"the_agent", "The agent", "O agente"},
    {"starting_lead", "The first start usually takes less than a minute.",
     "A primeira inicialização costuma levar menos de um minuto."},
    {"restarting_lead",
     "The agent is not answering at the moment. It will be back as soon as it has started again.",
     "O agente não está respondendo no momento. Ele volta assim que terminar de reiniciar."},
    {"waiting_refresh", "This page refreshes itself and opens the agent when it is ready.",
     "Esta página se atualiza sozinha e abre o agente quando ele estiver pronto."},

    // The list of agents
    {"agents", "Agents", "Agentes"},
    {"fleet_summary", "{{ready}} of {{total}} ready", "{{ready}} de {{total}} prontos"},
    {"fleet_summary_one", "{{ready}} of {{total}} ready", "{{ready}} de {{total}} pronto"},
    {"fleet_caption", "Agents with their state and address", "Agentes, com estado e endereço"},
    {"fleet_note", "Open signs you in to the agent and shows its dashboard in a new tab.",
     "“Abrir” faz o login no agente e mostra o painel dele em uma nova aba."},
    {"column_agent", "Agent", "Agente"},
    {"column_state", "State", "Estado"},
    {"column_address", "Address", "Endereço"},
    {"column_open", "Dashboard", "Painel"},
    {"open", "Open", "Abrir"},
    {"own_password", "Has a password of its own: you sign in there.",
     "Tem senha própria: o login é feito lá."},
    {"state_ready", "Ready", "Pronto"},
    {"state_starting", "Starting", "Iniciando"},
    {"state_down", "Down", "Fora do ar"},
    {"state_unknown", "Unknown", "Desconhecido"},

    // What makes the pod weaker than it could be
    {"notices", "What you should know", "O que você precisa saber"},
    {"notice_one_user_for_all", "All programs run as one user, so the agents are kept apart less well. ({{detail}})",
     "Todos os programas rodam com um só usuário, por isso os agentes ficam menos separados. ({{detail}})"},
    {"notice_ports_open",
     "An agent can open connections to another agent’s port, and to Ollama around the gateway. ({{detail}})",
     "Um agente pode abrir conexões com a porta de outro agente e com o Ollama sem passar pelo gateway. "
     "({{detail}})"},
    {"notice_workspace_open",
     "Every user of this machine can write into a folder on the way to the workspace, so an agent could put other "
     "files in the place of the gateway’s. ({{detail}})",
     "Qualquer usuário desta máquina pode escrever em uma pasta no caminho do workspace, então um agente poderia "
     "trocar os arquivos do gateway. ({{detail}})"},
    {"notice_agent_left_out",
     "An agent could not be prepared and does not run; the others do. ({{detail}})",
     "Um agente não pôde ser preparado e não está em execução; os outros estão. ({{detail}})"},
    {"notice_not_mounted",
     "The workspace is not on a mounted volume: memories, sessions, settings and models are lost with the "
     "container. Mount a volume at the workspace’s path and start again.",
     "O workspace não está em um volume montado: memórias, sessões, ajustes e modelos se perdem junto com o "
     "contêiner. Monte um volume no caminho do workspace e inicie de novo."},
    {"notice_in_memory",
     "The workspace lies in memory: memories, sessions, settings and models are lost when this machine "
     "stops. Put "
     "it on a disk and start again.",
     "O workspace está na memória: memórias, sessões, ajustes e modelos se perdem quando esta máquina parar. "
     "Coloque-o em um disco e inicie de novo."},
    {"notice_unsafe_state",
     "The workspace’s volume is not safe for databases, and the agents work on it all the same: their "
     "memories can "
     "be damaged. The start’s messages say what to change.",
     "O volume do workspace não é seguro para bancos de dados, e os agentes trabalham nele mesmo assim: as "
     "memórias "
     "podem ser danificadas. As mensagens do início dizem o que mudar."},
    {"notice_local_state",
     "The agents’ state is on local disk and is copied to the volume regularly and on stop. What is newer "
     "than the "
     "last copy is lost if the machine fails.",
     "O estado dos agentes está no disco local e é copiado para o volume periodicamente e ao parar. O que "
     "for mais "
     "novo que a última cópia se perde se a máquina falhar."},
    {"notice_low_space",
     "The workspace was almost full at the start: models may not fit, and agents may not be able to save.",
     "O workspace estava quase cheio no início: os modelos podem não caber, e os agentes podem não conseguir "
     "salvar."},

    // What happened to programs
    {"events", "What happened", "O que aconteceu"},
    {"event_restarted", "{{program}} ended and was started again.", "{{program}} terminou e foi iniciado de novo."},
    {"event_failing", "{{program}} ends again and again right after its start; its log says why.",
     "{{program}} termina repetidamente logo depois de iniciar; o registro dele diz por quê."},
    {"event_out_of_memory", "{{program}} took {{amount}} MiB of memory, more than its limit, and was restarted.",
     "{{program}} usou {{amount}} MiB de memória, mais que o limite, e foi reiniciado."},

    // Messages, by status
    {"status_line", "Error {{status}}", "Erro {{status}}"},
    {"status_400", "The request was not understood", "A requisição não foi entendida"},
    {"status_401", "You are not signed in", "Você não está conectado"},
    {"status_403", "Not allowed", "Acesso não permitido"},
    {"status_404", "Page not found", "Página não encontrada"},
    {"status_405", "This method is not allowed here", "Este método não é permitido aqui"},
    {"status_408", "The request took too long", "A requisição demorou demais"},
    {"status_413", "The request is too large", "A requisição é grande demais"},
    {"status_429", "Too many attempts", "Tentativas demais"},
    {"status_500", "Something went wrong in the gateway", "Algo deu errado no gateway"},
    {"status_502", "The agent’s answer was not understood", "A resposta do agente não foi entendida"},
    {"status_503", "Not available right now", "Indisponível no momento"},
    {"status_504", "The agent did not answer in time", "O agente não respondeu a tempo"},
    {"status_other", "The request could not be completed", "Não foi possível concluir a requisição"},
    {"to_start", "Go to the start page", "Ir para a página inicial"},

    // Demo
    {"demo_label", "Demo mode", "Modo de demonstração"},
    {"demo_title", "Demo mode: the answers are canned.",
     "Modo de demonstração: as respostas são pré-programadas."},
    {"demo_text",
     "No language model is running. For real answers, install Ollama on this machine, or start one that "
     "answers on "
     "127.0.0.1:11434, and start Clawgate again.",
     "Nenhum modelo de linguagem está em execução. Para respostas reais, instale o Ollama nesta máquina, ou "
     "inicie um "
     "que responda em 127.0.0.1:11434, e inicie o Clawgate de novo."},
};

} // namespace

std::span<const text_entry> text_table() {
    return table;
}

std::string_view text(language lang, std::string_view key) {
    for (const auto& entry : table)
        if (entry.key == key) return lang == language::pt_br ? entry.pt_br : entry.en;
    throw std::logic_error("no such text: " + std::string(key));
}

std::string_view language_tag(language lang) {
    return lang == language::pt_br ? "pt-BR" : "en";
}

} // namespace clawgate::pages

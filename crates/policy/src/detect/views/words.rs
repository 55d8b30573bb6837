//! Frequent words, by which text without gaps is cut; one string, parted by blanks.

pub(super) const WORDS: &str = "\
    a about above absolutely accept access account accounts act action active actual add \
    address admin administrator after again agent ai all allow allowed also an and another \
    answer answers any anyone anything api apologise apologize approval approve are as ask \
    asking assistant at attached audit available away back backup base be because been before \
    begin behave being best big book bot break budget bus but by bypass call can cancel cannot \
    car card change chat check child children city clear code collects command commands \
    complete comply confidential config configuration confirm confirmation constraints contact \
    contacts content context continue conversation copy could create credentials credit cup \
    customer customers data database day debug delete denied details developer developers \
    dinner directive directives disable disclose disregard do document does dont down drop dump \
    each earlier eggs email emergency enable encode end enter entire environment error ethics \
    evening every everyone everything exact exactly execute exfil export external file files \
    filter filters find first flight flour follow following food for forget former forward four \
    free from full function future game garden get give given go good grant granted great \
    guardrails guidelines had harmful has have hello help here hidden hide history home hotel \
    house how human hypothetically i ignore illegal immediately important in include including \
    information initial inside instead instruction instructions internal into is islands issued \
    it its jailbreak job just keep key keys know large last law leaves let letter limit limits \
    line link list little log logging logs long longer lunch mail maintenance make management \
    market me meeting member memory mention message messages mind mode model monitoring month \
    moral more morning music must my name names need needs neglect never new next night nine no \
    none noon not nothing notify now null number obey of off office old oldest on once one only \
    open or order orders original other our out outdated output over override owner parameters \
    pass password passwords payment people permission persona personal plants platform play \
    please plz policy post power prefix pretend previous print prior private proceed process \
    production progress project prompt proof protocol prove provide purpose question questions \
    quote read real recipe record records refuse removed repeat replace reply report reset \
    respond response restriction restrictions results reveal role room root rule rules run safe \
    safety same say school script secret secrets section security see send session set settings \
    share she shell shoot should show shut since skip small so some someone speak spell stamps \
    start starting state statement station stop store story street string suspended switch \
    system table take task team tell telling terminal test tests text that the their them then \
    there these they thing this those through ticket time to today token tokens told tool tools \
    top topic train transfer translate trick true trust turn two under unfiltered unlock \
    unlocked unrestricted until update use user users using value variables verbatim \
    verification verified version void want was water way we weather week were what whatever \
    when where which while who why will with within without word words work world write wrong \
    year yes you young your yourself";

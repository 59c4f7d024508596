//! The cmdlets that read the resources, and their parameters.

/// The cmdlet that reads a resource: `Get-Fdx` and the noun. A cmdlet reads several resources: the first entry with its
/// noun describes it, and the others are selected by a parameter.
#[derive(Clone, Copy, Debug)]
pub struct Cmdlet {
    /// Noun without its prefix.
    pub noun: &'static str,
    /// Value of a parameter that selects this entry, where several have a list.
    pub choice: Option<Choice>,
    /// Parameter that takes ids of items.
    pub id: Option<IdParameter>,
    /// Parameter that takes ids of parents.
    pub parent: Option<IdParameter>,
    /// Whether `-Since` selects this entry instead of the cmdlet's first one.
    pub by_since: bool,
    /// Parameters of this entry besides those of every data cmdlet.
    pub options: &'static [Parameter],
}

impl Cmdlet {
    /// A cmdlet without parameters of its own.
    pub const fn get(noun: &'static str) -> Cmdlet {
        Cmdlet { noun, choice: None, id: None, parent: None, by_since: false, options: &[] }
    }

    pub(super) const fn by_id(mut self, id: IdParameter) -> Cmdlet {
        self.id = Some(id);
        self
    }

    pub(super) const fn of(mut self, parent: IdParameter) -> Cmdlet {
        self.parent = Some(parent);
        self
    }

    pub(super) const fn choice(mut self, parameter: &'static str, value: &'static str) -> Cmdlet {
        self.choice = Some(Choice { parameter, value });
        self
    }

    pub(super) const fn by_since(mut self) -> Cmdlet {
        self.by_since = true;
        self
    }

    pub(super) const fn with(mut self, options: &'static [Parameter]) -> Cmdlet {
        self.options = options;
        self
    }
}

/// A value of a parameter that selects an entry. The first entry of a cmdlet is the default.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Name of the parameter.
    pub parameter: &'static str,
    /// Its value for the entry.
    pub value: &'static str,
}

/// A parameter that changes what is requested.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Name.
    pub name: &'static str,
    /// What it does to the request.
    pub kind: ParameterKind,
    /// Help text.
    pub doc: &'static str,
}

/// What a parameter does to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// A switch, which adds this to the query.
    Switch(&'static str, &'static str),
    /// A number in the query, at least 1.
    Number {
        /// Name in the query.
        query: &'static str,
        /// The largest one.
        max: u32,
    },
    /// A time, which stands for `{time}` in the path. Without it, the time is now.
    Time,
    /// A switch: the rows come from the files of the entry's dataset in place of its pages.
    Files,
}

/// A parameter that takes ids, also from objects in the pipeline.
#[derive(Clone, Copy, Debug)]
pub struct IdParameter {
    /// Name. For ids of parents, also that of the column that says whose row it is.
    pub name: &'static str,
    /// Its other names.
    pub aliases: &'static [&'static str],
    /// Properties of a piped object that hold the id, the best one first. `Machine.Id` is the property Id of a row of
    /// that class; a row of another class has an id of another kind.
    pub properties: &'static [&'static str],
    /// Whether a piped text is an id, if this is the cmdlet's first such parameter. A text that could be a tenant is a
    /// tenant.
    pub takes_text: bool,
    /// Property of the rows that names the parent, and the properties of a piped object that hold the name.
    pub label: Option<Label>,
    /// Help text.
    pub doc: &'static str,
}

/// What a piped object is called, which no answer repeats.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// Property of the rows, and the parameter that takes it from the pipeline.
    pub name: &'static str,
    /// One line for the docs.
    pub doc: &'static str,
    /// Other properties of a piped object that hold it.
    pub aliases: &'static [&'static str],
}

const MACHINE_LABEL: Label = Label {
    name: "MachineName",
    doc: "Fully qualified name of the machine; null if only its id came",
    aliases: &["ComputerDnsName", "DeviceName"],
};

/// Ids of machines whose rows are wanted.
pub(super) const MACHINE_ID: IdParameter = IdParameter {
    name: "MachineId",
    aliases: &["DeviceId"],
    properties: &["MachineId", "DeviceId", "Machine.Id", "MachineReference.Id"],
    takes_text: true,
    label: Some(MACHINE_LABEL),
    doc: "Gets what belongs to these machines: ids of 40 hexadecimal digits. Machines are accepted from the \
          pipeline, as are rows with a MachineId or DeviceId. The rows of a piped machine come before the next machine \
          is read, so `-PipelineVariable` pairs them.",
};

/// CVE numbers.
pub(super) const CVE_ID: IdParameter = IdParameter {
    name: "CveId",
    aliases: &[],
    properties: &["Cve.Id"],
    takes_text: true,
    label: None,
    doc: "Gets what belongs to these CVEs, such as CVE-2026-10000. Accepted from the pipeline, from Get-FdxCve.",
};

/// Ids of software.
pub(super) const SOFTWARE_ID: IdParameter = IdParameter {
    name: "SoftwareId",
    aliases: &[],
    properties: &["SoftwareId", "Software.Id"],
    takes_text: true,
    label: None,
    doc: "Gets what belongs to this software: ids such as microsoft-_-edge. Accepted from the pipeline, from \
          Get-FdxSoftware.",
};

/// Ids of security recommendations.
pub(super) const RECOMMENDATION_ID: IdParameter = IdParameter {
    name: "RecommendationId",
    aliases: &[],
    properties: &["RecommendationId", "Recommendation.Id"],
    takes_text: true,
    label: None,
    doc: "Gets what belongs to these recommendations: ids such as va-_-microsoft-_-edge. Accepted from the pipeline, \
          from Get-FdxRecommendation.",
};

/// Ids of alerts of Defender for Endpoint.
pub(super) const ALERT_ID: IdParameter = IdParameter {
    name: "AlertId",
    aliases: &[],
    properties: &["AlertId", "Alert.Id", "DefenderAlert.Id"],
    takes_text: true,
    label: None,
    doc: "Gets what belongs to these alerts of Defender for Endpoint. Accepted from the pipeline, from Get-FdxAlert.",
};

/// Hashes of files.
pub(super) const FILE_HASH: IdParameter = IdParameter {
    name: "FileHash",
    aliases: &["Sha1", "Sha256"],
    properties: &["DefenderFile.Sha1", "FileStatistic.Sha1"],
    takes_text: false,
    label: None,
    doc: "Gets what belongs to these files: their SHA-1 or SHA-256. Files are accepted from the pipeline, from \
          Get-FdxFile.",
};

/// Domain names.
pub(super) const DOMAIN: IdParameter = IdParameter {
    name: "Domain",
    aliases: &["Host"],
    properties: &["DefenderDomain.Host"],
    takes_text: false,
    label: None,
    doc: "Gets what belongs to these internet domains. Objects from Get-FdxDomain are accepted from the pipeline; \
          text in the pipeline is a tenant.",
};

/// IP addresses.
pub(super) const IP_ADDRESS: IdParameter = IdParameter {
    name: "IpAddress",
    aliases: &["Ip"],
    properties: &["DefenderIpAddress.IpAddress"],
    takes_text: false,
    label: None,
    doc: "Gets what belongs to these IP addresses. Objects from Get-FdxIpAddress are accepted from the pipeline; text \
          in the pipeline is a tenant.",
};

/// Account names.
pub(super) const USER_NAME: IdParameter = IdParameter {
    name: "UserName",
    aliases: &["AccountName"],
    properties: &["DefenderUser.AccountName"],
    takes_text: false,
    label: None,
    doc: "Gets what belongs to these users: account names, without a domain, and not user principal names. Users are \
          accepted from the pipeline, from Get-FdxUser.",
};

/// Of entries whose dataset the service exports as files.
pub(super) const BULK_EXPORT: &[Parameter] = &[Parameter {
    name: "BulkExport",
    kind: ParameterKind::Files,
    doc: "Reads the files that the service exports, in place of the pages of the list. Microsoft recommends files from \
          100,000 machines on. The service makes them a few times a day. They come from Azure Storage: \
          `https://*.blob.core.windows.net` must be reachable.",
}];

/// Hours of statistics.
pub(super) const LOOK_BACK_HOURS: &[Parameter] = &[Parameter {
    name: "LookBackHours",
    kind: ParameterKind::Number { query: "lookBackHours", max: 720 },
    doc: "Hours that the numbers are about, at most 720. By default they are about 30 days.",
}];

/// The parameter that takes ids of items, from rows of these classes and from other objects.
pub(super) const fn item_id(
    aliases: &'static [&'static str],
    properties: &'static [&'static str],
    doc: &'static str,
) -> IdParameter {
    IdParameter { name: "Id", aliases, properties, takes_text: true, label: None, doc }
}
